"""System parameters, which every method accepts in its query; the comments say how each was measured.

They are removed from the query before the rest binds to the request message. If a parameter is repeated, the first one
counts and the others are not checked; of `$.xgafv` the last one counts [measured, Sheets and Drive].
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, cast
from urllib.parse import parse_qsl

from mockserver.protojson.writing import PRETTY, Style
from mockserver.rpc.errors import ApiError, Code

Alt = Literal["json", "sse", "media", "proto"]

# The `parameters` of the discovery document of v1beta. `rpc.credentials` reads `key` and the tokens.
NAMES = frozenset(
    {
        "$.xgafv",
        "$alt",
        "access_token",
        "alt",
        "callback",
        "fields",
        "key",
        "oauth_token",
        "prettyPrint",
        "quotaUser",
        "uploadType",
        "upload_protocol",
    }
)
_ALTS = frozenset({"json", "sse", "media", "proto"})
_CALLBACK = re.compile(r"[A-Za-z0-9_$.\[\]]+")


@dataclass(frozen=True, slots=True)
class SystemParameters:
    """The format of the answer that the query requests. `callback` counts for GET only, `style` is the layout."""

    alt: Alt = "json"
    fields: str | None = None
    callback: str | None = None
    xgafv: str | None = None
    style: Style = PRETTY


NO_PARAMETERS = SystemParameters()


class InvalidParameters(ApiError):
    """A system parameter is invalid; `parameters` are the valid ones, which format the error."""

    def __init__(self, message: str, parameters: SystemParameters) -> None:
        super().__init__(Code.INVALID_ARGUMENT, message)
        self.parameters = parameters


def parse_query(raw: str | bytes) -> list[tuple[str, str]]:
    """Decode the names and values of a query string, in order; bytes that are not UTF-8 become U+FFFD."""
    text = raw.decode("latin-1") if isinstance(raw, bytes) else raw
    return parse_qsl(text, keep_blank_values=True, errors="replace") if text else []


def split_query(pairs: list[tuple[str, str]], *, verb: str = "GET") -> tuple[SystemParameters, list[tuple[str, str]]]:
    """Split a decoded query into the system parameters and the method's own.

    Raises InvalidParameters, an ApiError, for an invalid `$.xgafv`, `alt` or `callback`, checked in this order; the
    real front end does so before it checks credentials [measured].
    """
    first: dict[str, str] = {}
    last: dict[str, str] = {}
    for name, value in pairs:
        first.setdefault(name, value)
        last[name] = value
    alt, options = _alt(first)
    form = alt.lower()
    parameters = SystemParameters(
        alt=cast("Alt", form) if form in _ALTS else "json",
        fields=first.get("fields"),
        # JSONP is JSON: in any other format, known or not, there is no callback [measured].
        callback=first.get("callback") or None if verb == "GET" and form == "json" else None,
        xgafv=last.get("$.xgafv"),
        style=Style(
            # Only these two spellings; FALSE and no do not [measured].
            pretty=first.get("prettyPrint") not in {"false", "0"},
            enum_as_int="enum-encoding=int" in options,
        ),
    )
    if message := _find_error(parameters, alt):
        # The error must not be a script that runs an invalid callback; our choice: not seen.
        is_valid = _CALLBACK.fullmatch(parameters.callback or "")
        raise InvalidParameters(message, parameters if is_valid else replace(parameters, callback=None))
    return parameters, [pair for pair in pairs if pair[0] not in NAMES]


def unsupported_alt(alt: str) -> ApiError:
    """Return the 400 for `alt=media` without a byte stream; it comes after the credentials [measured]."""
    return ApiError(Code.INVALID_ARGUMENT, f'Unsupported alt type "{alt}" for non byte stream request.')


def _alt(values: Mapping[str, str]) -> tuple[str, Sequence[str]]:
    """Return the requested format and its options: `$alt=json;enum-encoding=int`. The default is JSON."""
    form, *options = (values.get("alt") or values.get("$alt") or "json").split(";")
    return form or "json", [*options, *values.get("$alt", "").split(";")[1:]]


def _find_error(parameters: SystemParameters, alt: str) -> str | None:
    """Return the real error message for the first invalid parameter."""
    xgafv, callback = parameters.xgafv, parameters.callback
    if xgafv not in {None, "1", "2"}:
        return f"Invalid query parameters. Invalid value '{xgafv}' for system query parameter : $.xgafv"
    if alt.lower() not in _ALTS:
        return f"Invalid value \"{alt}\" for query parameter 'alt'"
    if callback is not None and not _CALLBACK.fullmatch(callback):
        allowed = "only alphabet, number, '_', '$', '.', '[' and ']' are allowed."
        return f"Invalid JSONP callback name: '{callback}'; {allowed}"
    return None
