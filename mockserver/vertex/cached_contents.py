"""projects.locations.cachedContents: create, get, list, patch, delete; and the cached content of a generate request."""

import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from mockserver.dispatch.lists import list_index_response
from mockserver.dispatch.routing import Call
from mockserver.dispatch.transactions import transactional
from mockserver.generation.cached_content import (
    OF_REQUEST,
    CachedContent,
    change_end,
    is_too_small,
    least_tokens,
    life_span,
    new_cached_content,
)
from mockserver.generation.prompt import content_text
from mockserver.generation.requests import file_uris, list_parts
from mockserver.rpc.errors import ApiError, Code, invalid_argument
from mockserver.rpc.outages import internal_error
from mockserver.simulation.names import tuning_job_id
from mockserver.state.store import Collection, Index, Missing, Position
from mockserver.vertex.errors import REQUIRED, invalid_fields
from mockserver.vertex.locations import canonical_name, find_location, resource_name
from mockserver.vertex.prompts import FILES_OF_GEMINI, check_contents
from mockserver.vertex.store import unused_names
from mockserver.vertex.targets import Target, find_published_model

Json = dict[str, Any]

BY_LOCATION: Index[CachedContent] = Index(
    "location", lambda cached: (cached.owner,), lambda cached: -cached.created, spans=life_span
)
CACHED_CONTENTS: Collection[CachedContent] = Collection("vertex.cachedContents", CachedContent, (BY_LOCATION,))

_NAME = re.compile(r"projects/[^/]+/locations/[^/]+/cachedContents/[^/]+")


# The longer sentence was seen in 2026, the shorter is recorded; the day between them is our choice.
LONGER_SENTENCE_SINCE = date(2026, 1, 1)


def not_found(name: str) -> ApiError:
    """404 for one that does not exist, or has expired [seen 2026 of patch; of get and delete our choice]."""
    return ApiError(Code.NOT_FOUND, f"Cached content {name.rpartition('/')[2]} is not found.")


def _requested_not_found(name: str, as_of: date | None) -> ApiError:
    """404 for a generate request that names one which does not exist.

    Without a day it is the shorter sentence, of which the whole body is recorded.
    """
    id_ = name.rpartition("/")[2]
    if as_of is not None and as_of >= LONGER_SENTENCE_SINCE:
        return ApiError(Code.NOT_FOUND, f"Not found: cached content metadata for {id_}.")
    return ApiError(Code.NOT_FOUND, f"Not found: cache content metadata {id_}.")


def find_cached_content(call: Call, name: str) -> CachedContent:
    """Return a cached content. Raises 404."""
    cached = _get(call, name)
    if cached is None or cached.expires <= call.now:
        raise not_found(name)
    return cached


def _get(call: Call, name: str) -> CachedContent | None:
    try:
        return call.world.store.get(CACHED_CONTENTS, name)
    except Missing:
        return None


def find_requested(call: Call, target: Target) -> CachedContent | None:
    """Return the cached content that a generate request names, if it names one. Raises ApiError."""
    name = call.message.get("cachedContent")
    if not name:  # "" is as good as unset, as ever in proto3
        return None
    if not _NAME.fullmatch(name):
        raise invalid_argument(f"Invalid CachedContent name: {name}.")  # recorded
    cached = _get(call, canonical_name(name))
    if cached is None:
        raise _requested_not_found(name, call.settings.as_of)
    if cached.expires <= call.now:
        raise invalid_argument(f"Cache content {name.rpartition('/')[2]} is expired.")  # seen 2026
    if not call.message.keys().isdisjoint(OF_REQUEST):
        raise invalid_argument(  # seen 2025-02 to 2026-09
            "Tool config, tools and system instruction should not be set in the request when using cached content."
        )
    if not cached.model.endswith(f"/{target.name}"):
        raise invalid_argument("Cached content model does not match the model in the request.")  # recorded
    return cached


def create_cached_content(call: Call) -> Json:
    """Cache the contents, the instruction and the tools of later requests to a model."""
    cached = read_cached_content(call)
    call.world.store.insert(CACHED_CONTENTS, cached.name, cached)
    return show_cached_content(cached)


def read_cached_content(call: Call) -> CachedContent:
    """Return the record of the cached content that a request asks for. Raises ApiError."""
    location, body = find_location(call).name, call.message.get("cachedContent", {})
    if not body.get("model"):
        raise invalid_fields(("cached_content.model", REQUIRED))
    target = find_published_model(call, body["model"])
    if contents := body.get("contents", ()):
        check_contents(contents, target.base, call.settings.as_of)
    if any(uri.startswith(FILES_OF_GEMINI) for uri in file_uris(list_parts(body))):
        raise internal_error()  # Google's tests, 2026-10
    names = unused_names(
        call.world.store,
        CACHED_CONTENTS,
        lambda: f"{location}/cachedContents/{tuning_job_id(call.world.rng('vertex.cachedContents'))}",
    )
    cached = new_cached_content(next(names), location, canonical_name(body["model"]), body, call.now)
    if is_too_small(cached, target.base):
        raise invalid_argument(  # seen 2026
            f"The cached content is of {cached.tokens} tokens. The minimum token count to start caching is "
            f"{least_tokens(target.base)}."
        )
    return cached


def get_cached_content(call: Call) -> Json:
    """Return a cached content, without what it caches."""
    return show_cached_content(find_cached_content(call, resource_name(call)))


def list_cached_contents(call: Call) -> Json:
    """List the cached contents of a location, newest first."""  # our choice: not seen
    location, store = find_location(call).name, call.world.store

    def walk(after: Position | None) -> Iterable[CachedContent]:
        return (entry.record for entry in store.walk(CACHED_CONTENTS, BY_LOCATION, location, after=after, at=call.now))

    return list_index_response(
        call,
        "cachedContents",
        walk,
        show=show_cached_content,
        key=lambda cached: cached.name,
        rank=lambda cached: -cached.created,
        default=100,  # our choice: not seen
        maximum=1000,
        scope=f"{location}/cachedContents",
    )


@transactional
def update_cached_content(call: Call) -> Json:
    """Change when a cached content expires."""
    cached = find_cached_content(call, resource_name(call))
    cached = change_end(cached, call.message.get("cachedContent", {}), call.message.get("updateMask", ()), call.now)
    call.world.store.replace(CACHED_CONTENTS, cached.name, cached)
    return show_cached_content(cached)


@transactional
def delete_cached_content(call: Call) -> Json:
    """Delete a cached content."""
    call.world.store.delete(CACHED_CONTENTS, find_cached_content(call, resource_name(call)).name)
    return {}


def show_cached_content(cached: CachedContent) -> Json:
    """Return the resource."""
    return {
        "name": cached.name,
        "model": cached.model,
        "createTime": cached.created // 1000 * 1000,
        "updateTime": cached.updated // 1000 * 1000,
        "expireTime": cached.expires // 1000 * 1000,
        "displayName": cached.display_name,
        "usageMetadata": {"totalTokenCount": cached.tokens, "textCount": _count_characters(cached.content)},
    }


def _count_characters(content: Mapping[str, Any]) -> int:
    """Return the characters of the cached text [documented]."""
    return sum(map(len, map(content_text, (content.get("systemInstruction", {}), *content.get("contents", ())))))
