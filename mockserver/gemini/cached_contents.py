"""cachedContents: create, get, list, patch, delete; and the cached content of a generate request.

A create, a patch, a delete and a use of a deleted one were recorded in 2026.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from mockserver.dispatch.lists import list_index_response
from mockserver.dispatch.routing import Call
from mockserver.dispatch.transactions import transactional
from mockserver.gemini import owners
from mockserver.gemini.errors import invalid_fields
from mockserver.gemini.prompts import check_files, content_violations
from mockserver.gemini.targets import Target, find_target
from mockserver.generation.cached_content import (
    OF_REQUEST,
    CachedContent,
    change_end,
    is_too_small,
    least_tokens,
    life_span,
    new_cached_content,
)
from mockserver.generation.requests import list_parts
from mockserver.rpc.errors import ApiError, Code, invalid_argument
from mockserver.simulation.names import BASE36
from mockserver.state.store import Collection, Index, Missing, Position

Json = dict[str, Any]

BY_OWNER: Index[CachedContent] = Index(
    "owner", lambda cached: owners.partitions(cached.owner), lambda cached: -cached.created, spans=life_span
)
CACHED_CONTENTS: Collection[CachedContent] = Collection("gemini.cachedContents", CachedContent, (BY_OWNER,))

_NAME = re.compile(r"cachedContents/[a-z0-9-]+", re.ASCII)
_MODEL = re.compile(r"models/[\w./-]+", re.ASCII)


def denied() -> ApiError:
    """403 for one that does not exist, has expired or is somebody else's [seen 2026-09]."""
    return ApiError(Code.PERMISSION_DENIED, "CachedContent not found (or permission denied)")


def find_cached_content(call: Call, name: str) -> CachedContent:
    """Return a cached content of the caller's. Raises 403."""
    try:
        cached = call.world.store.get(CACHED_CONTENTS, name)
    except Missing:
        raise denied() from None
    if cached.expires <= call.now or not owners.is_caller(cached.owner, call):
        raise denied()
    return cached


def find_requested(call: Call, target: Target, message: Mapping[str, Any]) -> CachedContent | None:
    """Return the cached content that a generate request names, if it names one. Raises ApiError."""
    name = message.get("cachedContent")
    if name is None:
        return None
    if not _NAME.fullmatch(name):
        raise invalid_argument("cached_content must be a name like cachedContents/abc.")  # our choice: not seen
    cached = find_cached_content(call, name)
    if not message.keys().isdisjoint(OF_REQUEST):
        raise invalid_argument(  # seen 2024-10 to 2026-09
            "CachedContent can not be used with GenerateContent request setting system_instruction, tools or "
            "tool_config.\n\nProposed fix: move those values to CachedContent from GenerateContent request."
        )
    if cached.model != target.name:
        raise invalid_argument(  # our choice: not seen
            f"Model used by GenerateContent request ({target.name}) and CachedContent ({cached.model}) has to be the same."
        )
    return cached


def create_cached_content(call: Call) -> Json:
    """Cache the contents, the instruction and the tools of later requests to a model."""
    cached = read_cached_content(call)
    call.world.store.insert(CACHED_CONTENTS, cached.name, cached)
    return show_cached_content(cached)


def read_cached_content(call: Call) -> CachedContent:
    """Return the record of the cached content that a request asks for. Raises ApiError."""
    body, request = call.message.get("cachedContent", {}), "CreateCachedContentRequest.cached_content"
    if not _MODEL.fullmatch(body.get("model", "")):
        raise invalid_fields(f"{request}.model: unexpected model name format")  # our choice: not seen
    contents = body.get("contents", ())
    if contents and (violations := [*content_violations(contents, f"{request}.contents")]):
        raise invalid_fields(*violations)
    target = find_target(call, body["model"], "createCachedContent")
    check_files(list_parts(body))
    name = f"cachedContents/{''.join(call.world.rng('gemini.cachedContents').choices(BASE36, k=40))}"
    cached = new_cached_content(name, call.caller.principal, target.name, body, call.now)
    if is_too_small(cached, target.base):
        least = least_tokens(target.base)
        raise invalid_argument(  # seen 2025-03 to 2026-09
            f"Cached content is too small. total_token_count={cached.tokens}, min_total_token_count={least}"
        )
    return cached


def get_cached_content(call: Call) -> Json:
    """Return a cached content, without what it caches."""
    return show_cached_content(find_cached_content(call, call.message["name"]))


def list_cached_contents(call: Call) -> Json:
    """List the caller's cached contents, newest first."""  # our choice: not seen

    def walk(after: Position | None) -> Iterable[CachedContent]:
        return owners.walk_partitions(call, CACHED_CONTENTS, BY_OWNER, owners.own_partitions(call), after)

    return list_index_response(
        call,
        "cachedContents",
        walk,
        show=show_cached_content,
        key=lambda cached: cached.name,
        rank=lambda cached: -cached.created,
        default=50,  # our choice: not seen
        maximum=1000,
        scope="cachedContents",
    )


@transactional
def update_cached_content(call: Call) -> Json:
    """Change when a cached content expires."""
    body = call.message.get("cachedContent", {})
    cached = find_cached_content(call, body["name"])
    cached = change_end(cached, body, call.message.get("updateMask", ()), call.now)
    call.world.store.replace(CACHED_CONTENTS, cached.name, cached)
    return show_cached_content(cached)


@transactional
def delete_cached_content(call: Call) -> Json:
    """Delete a cached content."""
    call.world.store.delete(CACHED_CONTENTS, find_cached_content(call, call.message["name"]).name)
    return {}


def show_cached_content(cached: CachedContent) -> Json:
    """Return the resource."""
    return {
        "name": cached.name,
        "model": cached.model,
        "createTime": cached.created // 1000 * 1000,  # six digits, and nine in expireTime [recorded]
        "updateTime": cached.updated // 1000 * 1000,
        "expireTime": cached.expires,
        "displayName": cached.display_name,
        "usageMetadata": {"totalTokenCount": cached.tokens},
    }
