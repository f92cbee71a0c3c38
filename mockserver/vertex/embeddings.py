"""predict and embedContent of embedding models, in Google's own publisher; Gemini models refuse predict.

    {"predictions": [{"embeddings": {"statistics": {"truncated": false, "token_count": 4}, "values": [...]}}],
     "metadata": {"billableCharacterCount": 15}}

as documented; a recording of 2025-10 has 200 for text-embedding-004.
"""

from collections.abc import Mapping
from typing import Any

from mockserver.catalog.base_model import BaseModel
from mockserver.catalog.ranges import Range
from mockserver.dispatch.routing import Call
from mockserver.generation.embeddings import embed
from mockserver.generation.numbers import range_error
from mockserver.generation.prompt import content_text
from mockserver.rpc.errors import ApiError, Code, invalid_argument
from mockserver.simulation.tokens import count_tokens
from mockserver.vertex.generation import refuse_predict
from mockserver.vertex.targets import Target, find_target

Json = dict[str, Any]

BATCH = Range("batch_size", least=1, below=251, accepted=(), refusal="range")
"""How many texts there are in a request [quoted]."""


def predict(call: Call) -> Json:
    """Embed the texts of the instances. 400 of a Gemini model."""
    target = find_target(call)
    if not _embeds(target):
        return refuse_predict(call)
    instances = [each if isinstance(each, Mapping) else {} for each in call.message.get("instances", ())]
    if not BATCH.holds(len(instances)):
        raise range_error(BATCH, len(instances))
    parameters = call.message.get("parameters") or {}
    parameters = parameters if isinstance(parameters, Mapping) else {}
    texts = [str(each.get("content") or "") for each in instances]
    if not all(texts):
        raise invalid_argument("The text content is empty.")  # our choice: not seen
    dimensions = parameters.get("outputDimensionality")
    base = _base(target)
    predictions = [_predict(text, base, dimensions, truncate=parameters.get("autoTruncate", True)) for text in texts]
    characters = sum(not letter.isspace() for text in texts for letter in text)
    return {"predictions": predictions, "metadata": {"billableCharacterCount": characters}}


def embed_content(call: Call) -> Json:
    """Embed one content. 404 of a model that does not embed."""
    target, message = find_target(call), call.message
    if not _embeds(target):
        # our choice: not seen
        raise ApiError(Code.NOT_FOUND, f"Publisher Model `{call.resource}` does not support embedContent.")
    config = {**message, **message.get("embedContentConfig", {})}
    text = content_text(message.get("content", {}))
    if not text:
        raise invalid_argument("The text content is empty.")  # our choice: not seen
    values, tokens, truncated = _embed(
        text, _base(target), config.get("outputDimensionality"), truncate=config.get("autoTruncate", True)
    )
    details = [{"modality": "TEXT", "tokenCount": tokens}]
    usage = {"promptTokenCount": tokens, "totalTokenCount": tokens, "promptTokensDetails": details}
    return {"embedding": {"values": values}, "usageMetadata": usage, "truncated": truncated}


def _embeds(target: Target) -> bool:
    return target.base is not None and target.base.embedding_dimensions is not None and not target.is_tuned


def _base(target: Target) -> BaseModel:
    if target.base is None:
        raise LookupError(target.name)
    return target.base


def _predict(text: str, base: BaseModel, dimensions: Any, *, truncate: bool) -> Json:
    values, tokens, truncated = _embed(text, base, dimensions, truncate=truncate)
    return {"embeddings": {"statistics": {"truncated": truncated, "token_count": tokens}, "values": values}}


def _embed(text: str, base: BaseModel, dimensions: Any, *, truncate: bool) -> tuple[list[float], int, bool]:
    """The vector of a text, its tokens, and whether it was cut to the model's input limit."""
    most, limit = base.embedding_dimensions or 0, base.input_token_limit
    tokens = count_tokens(text)
    if tokens > limit and not truncate:
        raise invalid_argument(
            f"The input token count is {tokens} but the model supports up to {limit}."  # our choice of words: not seen
        )
    wanted = most if dimensions is None else dimensions
    if not isinstance(wanted, int | float) or wanted != int(wanted):
        raise invalid_argument()  # our choice: not seen
    held = Range("output_dimensionality", least=1, below=most + 1, accepted=(), refusal="range")
    if not held.holds(wanted):
        raise range_error(held, wanted)
    return embed(text, int(wanted)), min(tokens, limit), tokens > limit
