"""Cached contents, which both services have: the record, how long it exists, and what it adds to a generate request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mockserver.catalog.base_model import BaseModel, Shape
from mockserver.generation.prompt import count_prompt_tokens, read_prompt
from mockserver.generation.requests import list_parts
from mockserver.protojson.well_known import LAST_SECOND
from mockserver.rpc.errors import invalid_argument
from mockserver.state.clock import END, SECOND, Nanos
from mockserver.state.store import Span

Json = dict[str, Any]

DEFAULT_TTL: Nanos = 3600 * SECOND  # seen 2026-09 on the Developer API, documented on Vertex AI
CACHED = ("contents", "systemInstruction", "tools", "toolConfig")
"""The members that a cached content holds for later requests."""

OF_REQUEST = CACHED[1:]
"""Those that a generate request may not have beside a cached content."""


@dataclass(frozen=True, slots=True)
class CachedContent:
    """A cached content. `owner` is what it is listed under: a principal, or a location."""

    name: str
    owner: str
    model: str
    display_name: str
    content: Mapping[str, Any]
    tokens: int
    created: Nanos
    updated: Nanos
    expires: Nanos


def life_span(cached: CachedContent) -> tuple[Span]:
    """Return the time in which it is listed. It may expire later than any clock can show."""
    return (Span(cached.created, min(cached.expires, END)),)


def new_cached_content(name: str, owner: str, model: str, message: Mapping[str, Any], now: Nanos) -> CachedContent:
    """Return the record of the cached content that `message`, a CachedContent, describes."""
    return CachedContent(
        name=name,
        owner=owner,
        model=model,
        display_name=message.get("displayName", ""),
        content={member: message[member] for member in CACHED if member in message},
        tokens=count_prompt_tokens(read_prompt(message, "", "", count_functions=True)),
        created=now,
        updated=now,
        expires=_find_end(message, now) or now + DEFAULT_TTL,
    )


def change_end(cached: CachedContent, message: Mapping[str, Any], mask: Sequence[str], now: Nanos) -> CachedContent:
    """Return the record with another end, the one thing that can change [documented]."""
    if not set(mask) <= {"ttl", "expireTime", "expire_time", "*"}:
        raise invalid_argument("Only ttl and expire_time of a cached content can be updated.")  # our choice: not seen
    return replace(cached, updated=now, expires=_find_end(message, now) or cached.expires)


def _find_end(message: Mapping[str, Any], now: Nanos) -> Nanos | None:
    end: Nanos | None = message.get("expireTime")
    if "ttl" in message:
        end = now + message["ttl"]
    if end is not None and end <= now:
        raise invalid_argument("The expiration of a cached content must be in the future.")  # our choice: not seen
    if end is not None and end >= (LAST_SECOND + 1) * SECOND:  # a ttl may be of ten thousand years
        raise invalid_argument(
            "The expiration of a cached content must be before the year 10000."
        )  # our choice: not seen
    return end


def least_tokens(base: BaseModel | None) -> int:
    """Return how many tokens a cached content of a model must have.

    1024 was seen of 2.5 Flash and of six 3.x models, 32768 of 1.5; 4096 of other models [2025-04].
    """
    if base is not None and base.shape is Shape.V1_5:
        return 32768
    is_small = base is None or (base.shape is Shape.V2_5 and not base.id.startswith("gemini-2.5-pro"))
    return 1024 if is_small else 4096


def is_too_small(cached: CachedContent, base: BaseModel | None) -> bool:
    """Return whether it has too few tokens. How many a file has is not known here: files are large enough."""
    has_text_only = all("fileData" not in part and "inlineData" not in part for part in list_parts(cached.content))
    return has_text_only and cached.tokens < least_tokens(base)


def with_cached_content(message: Mapping[str, Any], cached: CachedContent) -> Json:
    """Return the request that the model sees: the cached contents come before those of the request."""
    return {**message, **cached.content, "contents": [*cached.content.get("contents", ()), *message["contents"]]}
