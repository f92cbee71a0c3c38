"""System parameters: what every method takes in its query, and how each was measured to be read.

They are taken out of the query before the rest binds to the request message. Of a repeated parameter
the first counts, and the others are not even looked at; of `$.xgafv` the last [measured, Sheets and Drive].
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, cast
from urllib.parse import parse_qsl

from mockserver.rpc.errors import ApiError, Code

Alt = Literal["json", "sse", "media", "proto"]

# discovery `parameters` of v1beta; `key` and the tokens are credentials.py's to read.
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
    """What the query asks of the answer's form. `callback` counts on GET only."""

    alt: Alt = "json"
    enum_as_int: bool = False
    pretty: bool = True
    fields: str | None = None
    callback: str | None = None
    xgafv: str | None = None


class RefusedParameters(ApiError):
    """A system parameter has no such value; `parameters` are those that could be read, to answer by."""

    def __init__(self, message: str, parameters: SystemParameters) -> None:
        super().__init__(Code.INVALID_ARGUMENT, message)
        self.parameters = parameters


def parse_query(raw: str | bytes) -> list[tuple[str, str]]:
    """Names and values of a query string, decoded, in order; bytes that are not UTF-8 become U+FFFD."""
    text = raw.decode("latin-1") if isinstance(raw, bytes) else raw
    return parse_qsl(text, keep_blank_values=True, errors="replace") if text else []


def split_query(raw: str | bytes, *, verb: str = "GET") -> tuple[SystemParameters, list[tuple[str, str]]]:
    """The system parameters of a query string, and the method's own.

    Raises RefusedParameters, an ApiError, for a bad `$.xgafv`, `alt` or `callback`, in this order; the
    real front end says so before it looks for credentials [measured].
    """
    if not raw:
        return SystemParameters(), []
    pairs = parse_query(raw)
    first: dict[str, str] = {}
    last: dict[str, str] = {}
    for name, value in pairs:
        first.setdefault(name, value)
        last[name] = value
    alt, options = _alt(first)
    form = alt.lower()
    parameters = SystemParameters(
        alt=cast("Alt", form) if form in _ALTS else "json",
        enum_as_int="enum-encoding=int" in options,
        # Only these two spellings; FALSE and no do not [measured].
        pretty=first.get("prettyPrint") not in {"false", "0"},
        fields=first.get("fields"),
        # JSONP is JSON: any other format, known or not, is answered without the call [measured].
        callback=first.get("callback") or None if verb == "GET" and form == "json" else None,
        xgafv=last.get("$.xgafv"),
    )
    if sentence := _refusal(parameters, alt):
        # A refusal is no script either that runs what was sent for a name; our choice: not seen.
        named = _CALLBACK.fullmatch(parameters.callback or "")
        raise RefusedParameters(sentence, parameters if named else replace(parameters, callback=None))
    return parameters, [pair for pair in pairs if pair[0] not in NAMES]


def unsupported_alt(alt: str) -> ApiError:
    """400 for `alt=media` where there are no bytes to be had; it comes after the credentials [measured]."""
    return ApiError(Code.INVALID_ARGUMENT, f'Unsupported alt type "{alt}" for non byte stream request.')


def _alt(values: Mapping[str, str]) -> tuple[str, Sequence[str]]:
    """The format asked for and the options behind it: `$alt=json;enum-encoding=int`. An empty one is JSON."""
    form, *options = (values.get("alt") or values.get("$alt") or "json").split(";")
    return form or "json", [*options, *values.get("$alt", "").split(";")[1:]]


def _refusal(parameters: SystemParameters, alt: str) -> str | None:
    """The real sentence for the first parameter that is wrong."""
    xgafv, callback = parameters.xgafv, parameters.callback
    if xgafv not in {None, "1", "2"}:
        return f"Invalid query parameters. Invalid value '{xgafv}' for system query parameter : $.xgafv"
    if alt.lower() not in _ALTS:
        return f"Invalid value \"{alt}\" for query parameter 'alt'"
    if callback is not None and not _CALLBACK.fullmatch(callback):
        allowed = "only alphabet, number, '_', '$', '.', '[' and ']' are allowed."
        return f"Invalid JSONP callback name: '{callback}'; {allowed}"
    return None
