"""The versions of the API, and the names of its messages in each."""

from sys import intern

from mockserver.dispatch.routing import Call

PACKAGE = "google.ai.generativelanguage"
VERSIONS = ("v1beta", "v1", "v1alpha", "v1beta3")


def message_name(version: str, name: str) -> str:
    """Return the full name of a message: `message_name("v1beta", "TunedModel")`."""
    return f"{PACKAGE}.{version}.{name}"


def type_url(version: str, name: str) -> str:
    """Return the "@type" of a message."""
    return f"type.googleapis.com/{message_name(version, name)}"


def message_version(call: Call) -> str:
    """Return the version of the call's messages: the path's; a lenient route gives /v1/ messages of v1beta."""
    package = call.route.request.rpartition(".")[0]
    # Many records have it: they share one string.
    return intern(package.rpartition(".")[2] if package.startswith(PACKAGE) else call.version)
