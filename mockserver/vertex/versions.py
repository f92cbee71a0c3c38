"""The two versions of the API: v1beta1 knows fields that v1 does not, of the same resources."""

from collections.abc import Mapping
from typing import Any

from mockserver.protojson.version_trimming import trim_to_version

Json = dict[str, Any]

PACKAGE = "google.cloud.aiplatform"
VERSIONS = ("v1", "v1beta1")


def message_name(version: str, name: str) -> str:
    """The full name of a message: `message_name("v1", "TuningJob")`."""
    return f"{PACKAGE}.{version}.{name}"


def type_url(version: str, name: str) -> str:
    """What "@type" says of a message."""
    return f"type.googleapis.com/{message_name(version, name)}"


def as_known(version: str, name: str, value: Mapping[str, Any]) -> Json:
    """The value as that version knows it: members it has no field for are left out, at any depth.

    A job created through v1beta1 may hold a batch size; whoever reads it through v1 is not told.
    """
    return trim_to_version(message_name(version, name), value)
