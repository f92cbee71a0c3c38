"""The errors of the Developer API that more than one method needs.

Sentences without a remark were seen, in recordings or quoted bodies of 2023 to 2026.
"""

from datetime import date

from mockserver.dispatch.routing import Call
from mockserver.dispatch.service import FailedCall
from mockserver.limits import FINDINGS
from mockserver.rpc.errors import ApiError, Code, invalid_argument

# "Call ListModels" was still heard on 2026-03-29, "Call ModelService.ListModels" with the models of that summer.
SERVICE_NAMED_SINCE = date(2026, 7, 1)


def invalid_fields(*violations: str) -> ApiError:
    """400 with every violation, one a line: `* GenerateContentRequest.contents: ...`."""
    return invalid_argument("".join(f"* {violation}\n" for violation in violations[:FINDINGS]))


def not_found() -> ApiError:
    """404 for a part of something that is there."""
    return ApiError(Code.NOT_FOUND, "Requested entity was not found.")  # our choice: not seen here


def tuned_model_not_found(name: str) -> ApiError:
    """404 for a tuned model that does not exist; the whole body, without details."""
    return ApiError(Code.NOT_FOUND, f"Tuned model {name} does not exist.")


def access_denied(name: str) -> ApiError:
    """403 for a caller who may not see or change a tuned model; the id alone, no full stop."""
    return ApiError(Code.PERMISSION_DENIED, f"You do not have permission to access tuned model {_id(name)}")


def generation_denied(name: str) -> ApiError:
    """403 for a caller who may not generate with a tuned model, or for one that does not exist; the whole name."""
    return ApiError(Code.PERMISSION_DENIED, f"You do not have permission to access tuned model {name}")


def id_denied(name: str) -> ApiError:
    """403 for a new model under an id that another user's has; the id alone, with a full stop."""
    return ApiError(Code.PERMISSION_DENIED, f"You do not have permission to access tuned model {_id(name)}.")


def already_exists(name: str) -> ApiError:
    """409 for a new model under an id that another model of the caller's has."""
    return ApiError(Code.ALREADY_EXISTS, f"Tuned model {name} already exists.")  # our choice: not seen


def not_active(name: str, state: str) -> ApiError:
    """400 for a tuned model that is not ready yet, or never will be."""
    # our choice: not seen
    return ApiError(Code.FAILED_PRECONDITION, f"Tuned model {name} is not active. Its state is {state}.")


def not_tunable(base: str, call: Call) -> ApiError:
    """404 for a base model that cannot be tuned, or not any more."""
    return ApiError(Code.NOT_FOUND, f"{base} is not found for CREATE TUNED MODEL at API version {call.version}.")


def model_not_found(name: str, call: Call | FailedCall) -> ApiError:
    """404 for getting a base model that does not exist."""
    return ApiError(Code.NOT_FOUND, f"Model is not found: {name} for api version {call.version}")


def not_supported(model: str, call: Call | FailedCall) -> ApiError:
    """404 for a base model that is unknown, retired, or does not support the call's method.

    For a tuned model it names the base model [seen: 2025-06-13].
    """
    name = call.route.rpc.rpartition(".")[2]
    _, has_action, action = call.route.path.rpartition(":")
    method = action if has_action else f"{name[:1].lower()}{name[1:]}"  # "createCachedContent"
    method = method.replace("streamG", "g")  # a stream is refused as the other [seen: 2025-08-16]
    list_method = "ModelService.ListModels" if call.day >= SERVICE_NAMED_SINCE else "ListModels"
    return ApiError(
        Code.NOT_FOUND,
        f"{model} is not found for API version {call.version}, or is not supported for {method}. "
        f"Call {list_method} to see the list of available models and their supported methods.",
    )


def not_enabled(feature: str, model: str) -> ApiError:
    """400 for a feature that the model does not have."""
    return invalid_argument(f"{feature} is not enabled for {model}")


def _id(name: str) -> str:
    return name.rpartition("/")[2]
