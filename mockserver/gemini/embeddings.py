"""models.embedContent and models.batchEmbedContents: unit vectors of the model's own number of dimensions."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mockserver.dispatch.routing import Call
from mockserver.gemini.errors import invalid_fields
from mockserver.gemini.responses import by_modality
from mockserver.gemini.targets import Target, find_target
from mockserver.generation.embeddings import embed
from mockserver.generation.prompt import content_text, count_prompt_tokens, read_prompt
from mockserver.rpc.errors import invalid_argument

Json = dict[str, Any]

MULTIMODAL = "models/gemini-embedding-2"
"""How the names of models begin that embed images, sounds and documents too [their description; Google's tests]."""

LARGEST_BATCH = 100
"""The most requests in a batch, as documented."""


def embed_content(call: Call) -> Json:
    """Embed one content."""
    return embed_request(call, call.message)


def embed_request(call: Call, message: Mapping[str, Any]) -> Json:
    """Answer one EmbedContentRequest."""
    if violations := [*_violations(message, "EmbedContentRequest")]:
        raise invalid_fields(*violations)
    target = find_target(call, message["model"], "embedContent")
    return {"embedding": {"values": _embed(target, message)}, **_usage(target, [message])}


def batch_embed_contents(call: Call) -> Json:
    """Embed several contents, in their order. Every request names the model again."""
    model, requests = call.message["model"], call.message.get("requests", ())
    if violations := [*_batch_violations(model, requests)]:
        raise invalid_fields(*violations)
    target = find_target(call, model, "embedContent")
    return {"embeddings": [{"values": _embed(target, request)} for request in requests], **_usage(target, requests)}


def _usage(target: Target, requests: Sequence[Mapping[str, Any]]) -> Json:
    """Return the usage, which gemini-embedding-2 states and earlier models do not [seen 2026-08, of a batch of one].

    A larger batch has the sum; a single request has what a batch of one has.
    """  # our choice: not seen
    if not target.name.startswith(MULTIMODAL):
        return {}
    prompts = [read_prompt({"contents": [request["content"]]}, target.name, target.base.name) for request in requests]
    total = sum(map(count_prompt_tokens, prompts))
    images = sum(prompt.other_tokens for prompt in prompts)
    return {"usageMetadata": {"promptTokenCount": total, "promptTokenDetails": by_modality(total, images)}}


def _batch_violations(model: str, requests: list[Json]) -> Iterator[str]:
    path = "BatchEmbedContentsRequest.requests"
    if len(requests) > LARGEST_BATCH:
        yield f"{path}: at most {LARGEST_BATCH} requests can be in one batch"  # seen 2026
    for index, request in enumerate(requests):
        name = request.get("model", "")
        if not name:
            yield f"{path}[{index}].model: model is not specified"  # seen: 2026-07-29
        elif not name.startswith("models/"):
            yield f"{path}[{index}].model: unexpected model name format"  # seen: 2026-07-29
        elif name != model:
            yield f"{path}[{index}].model: the model must be the batch's, {model}"  # our choice: not seen
        yield from _violations(request, f"{path}[{index}]")


def _violations(request: Mapping[str, Any], path: str) -> Iterator[str]:
    parts = request.get("content", {}).get("parts", ())
    if not parts:
        yield f"{path}.content: content is not specified"  # our choice: not seen
    takes_media = request.get("model", "").startswith(MULTIMODAL)
    for index, part in enumerate(parts):
        if "text" not in part and not (takes_media and ("inlineData" in part or "fileData" in part)):
            data = f"{path}.content.parts[{index}].data"
            yield f"{data}: required oneof field 'data' must have one initialized field"


def _embed(target: Target, request: Mapping[str, Any]) -> list[float]:
    parts = request["content"]["parts"]
    media = [part.get("inlineData", part.get("fileData", {})) for part in parts if "text" not in part]
    text = " ".join(filter(None, (content_text(request["content"]), *map(str, media))))
    if not text:
        raise invalid_argument("EmbedContentRequest.content contains an empty Part.")  # seen: 2026
    most = target.base.embedding_dimensions or 768
    dimensions = request.get("outputDimensionality", most)
    if not 0 < dimensions <= most:
        # our choice: not seen
        raise invalid_fields(f"EmbedContentRequest.output_dimensionality: must be in the range [1, {most}].")
    return embed(text, dimensions)
