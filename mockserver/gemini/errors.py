"""What the Developer API says when it will not: sentences that more than one method needs.

Those without a remark were seen, in recordings or quoted bodies of 2023 to 2026.
"""

from datetime import date

from mockserver.dispatch.routing import Call
from mockserver.gemini.versions import today
from mockserver.limits import FINDINGS
from mockserver.rpc.errors import ApiError, Code, invalid_argument

# "Call ListModels" was still heard on 2026-03-29, "Call ModelService.ListModels" with the models of that summer.
_SERVICE_NAMED = date(2026, 7, 1)


def invalid(*findings: str) -> ApiError:
    """400 for everything a method found at once, one a line: `* GenerateContentRequest.contents: ...`."""
    return invalid_argument("".join(f"* {finding}\n" for finding in findings[:FINDINGS]))


def no_such_tuned_model(name: str) -> ApiError:
    """404 for a name that is nobody's, or nobody's any more; the whole body, without details."""
    return ApiError(Code.NOT_FOUND, f"Tuned model {name} does not exist.")


def no_access(name: str) -> ApiError:
    """403 for who may not see or change this tuned model; the id alone, no full stop."""
    return ApiError(Code.PERMISSION_DENIED, f"You do not have permission to access tuned model {_id(name)}")


def no_use(name: str) -> ApiError:
    """403 for who may not generate with this tuned model, or with one that never was; the whole name."""
    return ApiError(Code.PERMISSION_DENIED, f"You do not have permission to access tuned model {name}")


def taken_by_another(name: str) -> ApiError:
    """403 for a new model under an id that somebody else's has; the id alone, with a full stop."""
    return ApiError(Code.PERMISSION_DENIED, f"You do not have permission to access tuned model {_id(name)}.")


def taken(name: str) -> ApiError:
    """409 for a new model under an id of one's own."""
    return ApiError(Code.ALREADY_EXISTS, f"Tuned model {name} already exists.")  # our choice: not seen


def not_active(name: str, state: str) -> ApiError:
    """400 for a tuned model that is not ready yet, or never will be."""
    # our choice: not seen
    return ApiError(Code.FAILED_PRECONDITION, f"Tuned model {name} is not active. Its state is {state}.")


def not_tunable(base: str, call: Call) -> ApiError:
    """404 for a base model that cannot be tuned, or not any more."""
    return ApiError(Code.NOT_FOUND, f"{base} is not found for CREATE TUNED MODEL at API version {call.version}.")


def no_such_model(name: str, call: Call) -> ApiError:
    """404 for reading about a base model there is none of."""
    return ApiError(Code.NOT_FOUND, f"Model is not found: {name} for api version {call.version}")


def not_supported(model: str, call: Call) -> ApiError:
    """404 for a base model that is unknown, retired, or cannot do what the route is for.

    Asked of a tuned model it names the base model [seen: 2025-06-13].
    """
    method = call.route.path.rpartition(":")[2].replace(
        "streamG", "g"
    )  # a stream is refused as the other [seen: 2025-08-16]
    listing = "ModelService.ListModels" if today(call) >= _SERVICE_NAMED else "ListModels"
    return ApiError(
        Code.NOT_FOUND,
        f"{model} is not found for API version {call.version}, or is not supported for {method}. "
        f"Call {listing} to see the list of available models and their supported methods.",
    )


def not_found() -> ApiError:
    """404 for a part of something that is there."""
    return ApiError(Code.NOT_FOUND, "Requested entity was not found.")  # our choice: not seen here


def not_enabled(what: str, model: str) -> ApiError:
    """400 for a feature that this model has not."""
    return invalid_argument(f"{what} is not enabled for {model}")


def _id(name: str) -> str:
    return name.rpartition("/")[2]
