"""publishers.models: the models Google itself publishes, as Model Garden lists them.

No body was seen; the members are those of the schema that clients read.
"""

from typing import Any

from mockserver.catalog import base_models
from mockserver.catalog.base_model import BaseModel
from mockserver.dispatch.routing import Call
from mockserver.rpc.errors import ApiError, Code
from mockserver.rpc.paging import page

Json = dict[str, Any]


def get_publisher_model(call: Call) -> Json:
    """One of Google's models."""
    name = call.resource
    publisher, _, model = name.removeprefix("publishers/").partition("/models/")
    base = base_models.find(model, call.world.settings.as_of, vertex=True) if publisher == "google" else None
    if base is None:
        raise ApiError(Code.NOT_FOUND, f"Publisher Model `{name}` not found.")  # seen for generateContent
    return _publisher_model(base)


def list_publisher_models(call: Call) -> Json:
    """All of them; of other publishers none."""
    google = call.resource == "publishers/google"
    models, token = page(
        base_models.models(call.world.settings.as_of, vertex=True) if google else (),
        key=lambda base: f"publishers/google/models/{base.id}",
        page_size=call.message.get("pageSize"),
        page_token=call.message.get("pageToken"),
        default=100,  # our choice: not seen
        maximum=1000,  # our choice: not seen
        scope=f"{call.resource}/models",
    )
    return {"publisherModels": [_publisher_model(base) for base in models]} | (
        {"nextPageToken": token} if token else {}
    )


def _publisher_model(base: BaseModel) -> Json:
    return {
        "name": f"publishers/google/models/{base.id}",
        "versionId": "default",
        "openSourceCategory": "PROPRIETARY",
        "launchStage": "EXPERIMENTAL" if "exp" in base.id else "PUBLIC_PREVIEW" if "preview" in base.id else "GA",
        "publisherModelTemplate": f"projects/{{project}}/locations/{{location}}/publishers/google/models/{base.id}",
    }
