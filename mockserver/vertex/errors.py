r"""How Vertex AI tells a caller which fields are wrong, and that something is not there.

    List of found errors:\t1.Field: event.author; Message: Required field is not set.\t

The tabs are real, the last one too, and a BadRequest detail says the same [seen on several methods].
"""

from collections.abc import Sequence

from mockserver.limits import FINDINGS
from mockserver.rpc.errors import ApiError, Code, bad_request

REQUIRED = "Required field is not set."

Violation = tuple[str, str]
"""A field's path in proto names, and what is wrong with it."""


def found_errors(violations: Sequence[Violation]) -> ApiError:
    """400 with every violation."""
    violations = violations[:FINDINGS]
    listed = "".join(
        f"{place}.Field: {field}; Message: {message}\t" for place, (field, message) in enumerate(violations, 1)
    )
    return ApiError(Code.INVALID_ARGUMENT, f"List of found errors:\t{listed}", (bad_request(violations),))


def does_not_exist(kind: str) -> ApiError:
    """404: "The CustomJob does not exist." was seen, and the like of its sibling."""
    return ApiError(Code.NOT_FOUND, f"The {kind} does not exist.")


def not_found(kind: str, name: str) -> ApiError:
    """404: "Session projects/... not found." was seen."""
    return ApiError(Code.NOT_FOUND, f"{kind} {name} not found.")
