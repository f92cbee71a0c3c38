"""publishers.models: get and list the models that Google publishes, as Model Garden lists them.

No body was seen; the members are those of the schema that clients read.
"""

from typing import Any

from mockserver.catalog import base_models
from mockserver.catalog.base_model import BaseModel
from mockserver.dispatch.lists import list_response
from mockserver.dispatch.routing import Call
from mockserver.rpc.errors import ApiError, Code
from mockserver.vertex.targets import describe_missing_model

Json = dict[str, Any]


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
    return list_response(
        call,
        "publisherModels",
        base_models.models(call.settings.as_of, vertex=True) if is_google else (),
        show=show_publisher_model,
        key=lambda base: f"publishers/google/models/{base.id}",
        default=100,  # our choice: not seen
        maximum=1000,  # our choice: not seen
        scope=f"{call.resource}/models",
    )


def show_publisher_model(base: BaseModel) -> Json:
    """Return the resource."""
    return {
        "name": f"publishers/google/models/{base.id}",
        "versionId": "default",
        "openSourceCategory": "PROPRIETARY",
        "launchStage": "EXPERIMENTAL" if "exp" in base.id else "PUBLIC_PREVIEW" if "preview" in base.id else "GA",
        "publisherModelTemplate": f"projects/{{project}}/locations/{{location}}/publishers/google/models/{base.id}",
    }
