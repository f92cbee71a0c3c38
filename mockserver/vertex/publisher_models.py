"""publishers.models: get and list the models that Google publishes, as Model Garden lists them.

No body was seen; the members are those of the schema that clients read.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

from mockserver.catalog import base_models
from mockserver.catalog.base_model import BaseModel
from mockserver.dispatch.routing import Call
from mockserver.rpc.errors import ApiError, Code
from mockserver.vertex.filters import ListRow, list_resources
from mockserver.vertex.targets import describe_missing_model

Json = dict[str, Any]

ORDERS = ("name", "launchStage")
"""Fields that the list may be ordered by. Our choice: not seen."""


def get_publisher_model(call: Call) -> Json:
    """Return one of Google's models."""
    name = call.resource
    publisher, _, model = name.removeprefix("publishers/").partition("/models/")
    base = base_models.find_listed(model, call.settings.as_of, vertex=True) if publisher == "google" else None
    if base is None:
        missing = ApiError(Code.NOT_FOUND, f"Publisher Model `{name}` not found.")  # seen for generateContent
        raise missing.with_hint(describe_missing_model(publisher, model, call.settings.as_of))
    return show_publisher_model(base)


def list_publisher_models(call: Call) -> Json:
    """List Google's models; of other publishers none."""
    is_google = call.resource == "publishers/google"
    models = base_models.models(call.settings.as_of, vertex=True) if is_google else ()

    def walk(after: tuple[int, str] | None) -> Iterator[ListRow]:
        for rank, base in enumerate(models):
            if after is None or rank > after[0]:
                yield ListRow(f"publishers/google/models/{base.id}", rank, partial(show_publisher_model, base))

    return list_resources(call, "publisherModels", walk, scope=f"{call.resource}/models", orders=ORDERS)


def show_publisher_model(base: BaseModel) -> Json:
    """Return the resource."""
    return {
        "name": f"publishers/google/models/{base.id}",
        "versionId": "default",
        "openSourceCategory": "PROPRIETARY",
        "launchStage": "EXPERIMENTAL" if "exp" in base.id else "PUBLIC_PREVIEW" if "preview" in base.id else "GA",
        "publisherModelTemplate": f"projects/{{project}}/locations/{{location}}/publishers/google/models/{base.id}",
    }
