"""The versions of the API, and the day a call is made on."""

from datetime import date

from mockserver.dispatch.routing import Call
from mockserver.state.clock import to_datetime

PACKAGE = "google.ai.generativelanguage"


def message_version(call: Call) -> str:
    """The version whose messages the call speaks.

    It is the path's, but for a lenient route: that gives /v1/ what v1 has no messages for.
    """
    package = call.route.request.rpartition(".")[0]
    return package.rpartition(".")[2] if package.startswith(PACKAGE) else call.version


def type_url(version: str, name: str) -> str:
    """What "@type" says of a message: `type_url("v1beta", "TunedModel")`."""
    return f"type.googleapis.com/{PACKAGE}.{version}.{name}"


def today(call: Call) -> date:
    """The day the server is as of, else the day of its clock."""
    return call.world.settings.as_of or to_datetime(call.now).date()
