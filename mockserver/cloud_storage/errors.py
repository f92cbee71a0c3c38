"""Errors of Cloud Storage: its own shape, with a reason for each, and its own sentences."""

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]


class StorageError(Exception):
    """A request is answered with an error. `hint` tells the tester what to do; it is logged and not sent."""

    def __init__(self, status: int, reason: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.hint = hint

    @property
    def body(self) -> Json:
        """Return the JSON of the error."""
        entry = {"message": self.message, "domain": "global", "reason": self.reason}
        return {"error": {"code": self.status, "message": self.message, "errors": [entry]}}

    @property
    def log_entry(self) -> Json:
        """Return what the log of calls keeps."""
        return {"code": self.status, "message": self.message, "status": self.reason}


def no_bucket(hint: str = "") -> StorageError:
    """404 for a bucket."""
    return StorageError(404, "notFound", "The specified bucket does not exist.", hint)


def no_object(bucket: str, name: str) -> StorageError:
    """404 for an object."""
    return StorageError(404, "notFound", f"No such object: {bucket}/{name}")


def bucket_exists() -> StorageError:
    """409: the bucket is already there."""
    message = "Your previous request to create the named bucket succeeded and you already own it."
    return StorageError(409, "conflict", message)


def bucket_not_empty() -> StorageError:
    """409: only an empty bucket can be deleted."""
    return StorageError(409, "conflict", "The bucket you tried to delete is not empty.")


def condition_not_met() -> StorageError:
    """412: the object has another generation than the request allows."""
    return StorageError(412, "conditionNotMet", "At least one of the pre-conditions you specified did not hold.")


def invalid(message: str) -> StorageError:
    """400."""
    return StorageError(400, "invalid", message)


def bad_checksum(name: str, expected: str, actual: str) -> StorageError:
    """400: the content is not what the client meant to send."""
    return invalid(f'Provided {name} "{expected}" doesn\'t match calculated {name} "{actual}".')


def bad_range() -> StorageError:
    """416."""
    return StorageError(416, "requestedRangeNotSatisfiable", "Request range not satisfiable")


def too_large(limit: int, what: str) -> StorageError:
    """413, of this server alone."""
    # our choice: Google's own limit is 5 TiB
    advice = "put the file below the directory of --gcs-root yourself"
    return StorageError(413, "uploadTooLarge", f"mockserver: {what} may have {limit:,} bytes here; {advice}.")


def unauthorized() -> StorageError:
    """401 for credentials that `auth: strict` does not list."""
    return StorageError(401, "authError", "Invalid Credentials")


def not_served(what: str) -> StorageError:
    """501 for everything else of this API. The client libraries do not repeat such a request."""
    # our choice: the real service serves it
    methods = "upload, download, get, list and delete objects; create, get, list and delete buckets"
    message = f"mockserver: {what} is not served; of Cloud Storage there is what tuning needs: {methods}."
    return StorageError(501, "notImplemented", message)


_INJECTED: Mapping[int, tuple[str, str]] = {
    401: ("authError", "Invalid Credentials"),
    403: ("forbidden", "Access denied."),
    429: (
        "rateLimitExceeded",
        "The rate of requests to this bucket exceeds the limit. Please reduce your request rate.",
    ),
    500: ("backendError", "We encountered an internal error. Please try again."),
    503: ("backendError", "We encountered an internal error. Please try again."),
}


def injected(status: int, message: str | None) -> StorageError:
    """Return the error of an injected fault."""
    # our choice: the sentences were not seen
    reason, sentence = _INJECTED.get(status, ("backendError", f"{status} (a fault of the mock server)"))
    return StorageError(status, reason, sentence if message is None else message)
