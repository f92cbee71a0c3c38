"""The versions of the API, and the names of its messages in each: v1beta1 has fields that v1 does not have."""

PACKAGE = "google.cloud.aiplatform"
VERSIONS = ("v1", "v1beta1")


def message_name(version: str, name: str) -> str:
    """Return the full name of a message: `message_name("v1", "TuningJob")`."""
    return f"{PACKAGE}.{version}.{name}"


def type_url(version: str, name: str) -> str:
    """Return the "@type" of a message."""
    return f"type.googleapis.com/{message_name(version, name)}"
