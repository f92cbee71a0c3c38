"""models.embedContent and models.batchEmbedContents: unit vectors of the model's own number of dimensions."""

from collections.abc import Iterator, Mapping
from typing import Any

from mockserver.dispatch.routing import Call
from mockserver.gemini.errors import invalid
from mockserver.gemini.models import Target, find_target
from mockserver.generation.embeddings import embed
from mockserver.generation.prompt import content_text
from mockserver.rpc.errors import invalid_argument

Json = dict[str, Any]

LARGEST_BATCH = 100
"""Requests in one batch, as documented."""


def embed_content(call: Call) -> Json:
    """The vector of one content."""
    return embedding(call, call.message)


def embedding(call: Call, message: Mapping[str, Any]) -> Json:
    """The answer to one EmbedContentRequest."""
    if findings := [*_findings(message, "EmbedContentRequest")]:
        raise invalid(*findings)
    return {"embedding": {"values": _vector(find_target(call, message["model"], "embedContent"), message)}}


def batch_embed_contents(call: Call) -> Json:
    """The vectors of several contents, in their order. Every request names the model again."""
    model, requests = call.message["model"], call.message.get("requests", ())
    if findings := [*_batch_findings(model, requests)]:
        raise invalid(*findings)
    target = find_target(call, model, "embedContent")
    return {"embeddings": [{"values": _vector(target, request)} for request in requests]}


def _batch_findings(model: str, requests: list[Json]) -> Iterator[str]:
    place = "BatchEmbedContentsRequest.requests"
    if len(requests) > LARGEST_BATCH:
        yield f"{place}: at most {LARGEST_BATCH} requests can be in one batch"  # our choice: not seen
    for index, request in enumerate(requests):
        name = request.get("model", "")
        if not name:
            yield f"{place}[{index}].model: model is not specified"  # seen: 2026-07-29
        elif not name.startswith("models/"):
            yield f"{place}[{index}].model: unexpected model name format"  # seen: 2026-07-29
        elif name != model:
            yield f"{place}[{index}].model: the model must be the batch's, {model}"  # our choice: not seen
        yield from _findings(request, f"{place}[{index}]")


def _findings(request: Mapping[str, Any], place: str) -> Iterator[str]:
    parts = request.get("content", {}).get("parts", ())
    if not parts:
        yield f"{place}.content: content is not specified"  # our choice: not seen
    for index, part in enumerate(parts):
        if "text" not in part:
            data = f"{place}.content.parts[{index}].data"
            yield f"{data}: required oneof field 'data' must have one initialized field"


def _vector(target: Target, request: Mapping[str, Any]) -> list[float]:
    text = content_text(request["content"])
    if not text:
        raise invalid_argument("EmbedContentRequest.content contains an empty Part.")  # seen: 2026
    most = target.base.embedding_dimensions or 768
    dimensions = request.get("outputDimensionality", most)
    if not 0 < dimensions <= most:
        # our choice: not seen
        raise invalid(f"EmbedContentRequest.output_dimensionality: must be in the range [1, {most}].")
    return embed(text, dimensions)
