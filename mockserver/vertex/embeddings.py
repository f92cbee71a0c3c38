"""embedContent, and predict, of embedding models: unit vectors of the model's own number of dimensions."""

from collections.abc import Mapping
from typing import Any

from mockserver.catalog.base_model import BaseModel
from mockserver.catalog.ranges import Range
from mockserver.dispatch.routing import Call
from mockserver.generation.embeddings import embed
from mockserver.generation.numbers import range_error
from mockserver.generation.prompt import count_prompt_tokens, read_prompt
from mockserver.protojson.reading import read_body
from mockserver.protojson.writing import write
from mockserver.rpc.errors import ApiError, Code, invalid_argument
from mockserver.simulation.tokens import count_tokens
from mockserver.vertex import responses
from mockserver.vertex.generation import STANDARD_TRAFFIC, refuse_predict
from mockserver.vertex.targets import find_target
from mockserver.vertex.versions import message_name

Json = dict[str, Any]

BATCH = Range("batch_size", least=1, below=251, accepted=(), refusal="range")
"""How many texts there are in a request [quoted]."""


def embed_content(call: Call) -> Json:
    """Embed one content."""
    base = _find_model(call)
    message = call.message
    prompt = read_prompt({"contents": [message["content"]] if "content" in message else []}, call.resource, base.id)
    text = "".join(turn.text for turn in prompt.turns)
    if not prompt.turns or not (text or prompt.other_tokens):
        raise invalid_argument("The content is empty.")  # our choice: not seen
    config = message.get("embedContentConfig", {})
    tokens = count_prompt_tokens(prompt)
    return {
        "embedding": {
            "values": _embed(base, text, config.get("outputDimensionality", message.get("outputDimensionality")))
        },
        "usageMetadata": {
            "promptTokenCount": tokens,
            "totalTokenCount": tokens,
            "promptTokensDetails": responses.text_tokens(tokens),
            "trafficType": STANDARD_TRAFFIC,  # Google's tests expect it
        },
    }


def predict(call: Call) -> Json:
    """Embed several texts; 400 for Gemini models, which do not support this method."""
    base = _find_predicting(call)
    return refuse_predict(call) if base is None else _predict(base, call.message)


def raw_predict(call: Call) -> Json:
    """Do the same with a body and an answer that are bytes: for these models the JSON of `predict`."""
    base = _find_predicting(call)
    if base is None:
        return refuse_predict(call)
    body = call.message.get("httpBody", {}).get("data", b"")
    answer = _predict(base, read_body(message_name(call.version, "PredictRequest"), body))
    return {"contentType": "application/json", "data": write(message_name(call.version, "PredictResponse"), answer)}


def _predict(base: BaseModel, message: Json) -> Json:
    instances = message.get("instances", ())
    if not BATCH.holds(len(instances)):
        raise range_error(BATCH, len(instances))
    texts = [_instance_text(instance) for instance in instances]
    parameters = message.get("parameters")
    dimensions = parameters.get("outputDimensionality") if isinstance(parameters, Mapping) else None
    return {
        "predictions": [
            {
                "embeddings": {
                    "values": _embed(base, text, dimensions),
                    "statistics": {"truncated": False, "token_count": count_tokens(text)},
                }
            }
            for text in texts
        ],
        "metadata": {"billableCharacterCount": sum(not character.isspace() for text in texts for character in text)},
    }


def _find_predicting(call: Call) -> BaseModel | None:
    """Return the embedding model of a request to predict; None for other models. Raises 400 for newer ones."""
    base = find_target(call).base
    if base is None or not base.embedding_dimensions:
        return None
    if base.id.startswith("gemini-embedding-2"):
        raise ApiError(Code.FAILED_PRECONDITION, "Precondition check failed.")  # seen 2026-03 to 2026-08
    return base


def _find_model(call: Call) -> BaseModel:
    """Return the model of a request to embedContent, which Gemini's embedding models serve. Raises 400 for others."""
    base = find_target(call).base
    if base is None or not base.embedding_dimensions or not base.id.startswith("gemini-"):
        # seen 2026-04, of gemini-embedding-001, which has served it since
        raise invalid_argument(f"Publisher Model `{call.resource}` is not supported in the embedContent API.")
    return base


def _instance_text(instance: Any) -> str:
    """Return the text of an instance, which is its `content`. Raises 400 for another form."""
    text = instance.get("content") if isinstance(instance, Mapping) else None
    if not isinstance(text, str) or not text:
        raise invalid_argument("The text content is empty.")  # our choice: not seen
    return text


def _embed(base: BaseModel, text: str, size: Any) -> list[float]:
    most = base.embedding_dimensions or 0
    dimensions = most if size is None else size
    if not isinstance(dimensions, int | float) or not float(dimensions).is_integer():  # nor NaN and Infinity are whole
        # our choice: not seen
        raise invalid_argument().with_hint(f"outputDimensionality is {dimensions!r}, and not a whole number")
    limit = Range("output_dimensionality", least=1, below=most + 1, accepted=(), refusal="range")
    if not limit.holds(dimensions):
        raise range_error(limit, int(dimensions))
    return embed(text, int(dimensions))
