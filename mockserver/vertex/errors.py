r"""The errors of Vertex AI that more than one method needs: fields that are wrong, resources that are missing.

    List of found errors:\t1.Field: event.author; Message: Required field is not set.\t

The tabs are real, the last one too, and a BadRequest detail says the same [seen on several methods].
"""

import re
from collections.abc import Iterator, Mapping

from mockserver.limits import FINDINGS
from mockserver.rpc.errors import ApiError, Code, bad_request, invalid_argument

REQUIRED = "Required field is not set."

Violation = tuple[str, str]
"""A field's path in proto names, and what is wrong with it."""


def invalid_fields(*violations: Violation) -> ApiError:
    """400 with every violation."""
    violations = violations[:FINDINGS]
    lines = "".join(
        f"{number}.Field: {field}; Message: {message}\t" for number, (field, message) in enumerate(violations, 1)
    )
    return invalid_argument(f"List of found errors:\t{lines}", (bad_request(violations),))


_LABEL_KEY = re.compile(r"[^\W\d_][\w-]{0,63}")
_LABEL_VALUE = re.compile(r"[\w-]{0,64}")


def label_violations(field: str, labels: Mapping[str, str]) -> Iterator[Violation]:
    """Yield a violation for each malformed label.

    Keys and values have at most 64 characters, which are lower-case letters, digits, _ or - of any language; a key
    begins with a letter [documented]. Our choice of words: not seen.
    """
    for key, value in labels.items():
        if not _LABEL_KEY.fullmatch(key) or not _LABEL_VALUE.fullmatch(value) or (key + value).lower() != key + value:
            yield field, f"Label {key}={value} is invalid."


def check_labels(field: str, labels: Mapping[str, str]) -> None:
    """Raise 400 for malformed labels."""
    if violations := [*label_violations(field, labels)]:
        raise invalid_fields(*violations)


def not_found(kind: str, name: str) -> ApiError:
    """404: "Session projects/... not found." was seen."""
    return ApiError(Code.NOT_FOUND, f"{kind} {name} not found.")


def does_not_exist(kind: str) -> ApiError:
    """404: "The CustomJob does not exist." was seen, and the like of its sibling."""
    return ApiError(Code.NOT_FOUND, f"The {kind} does not exist.")


def endpoint_not_found(name: str) -> ApiError:
    """404, with the project's number [seen for generateContent]."""
    return ApiError(Code.NOT_FOUND, f"Endpoint `{name}` not found.")
