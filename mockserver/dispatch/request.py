"""A request as the dispatcher takes it, whatever protocol it came by."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from mockserver.dispatch.routing import Json, Route, day_of
from mockserver.dispatch.service import Service
from mockserver.rpc import outages
from mockserver.rpc.credentials import Caller, Credentials
from mockserver.rpc.errors import ApiError
from mockserver.state.clock import Nanos
from mockserver.state.world import Settings, World


@dataclass(slots=True)  # frozen would cost more than the checks do
class RequestHead:
    """What a request says whose method is known, before its message is bound, in a world with these settings.

    `resource` is the resource name. `options` is the metadata that the service's handlers may read. The log of calls
    shows `verb` and `path`. A face may keep it for requests that say the same.
    """

    service: Service
    route: Route
    settings: Settings
    resource: str
    credentials: Credentials
    options: Mapping[str, str]
    verb: str
    path: str
    caller: Caller | None = None
    """The caller, once the credentials have been accepted; not of a request with what looks like a real secret."""


@dataclass(slots=True)  # frozen would cost more than the checks do
class Request:
    """A request whose method is known.

    `bind` creates the message, or raises ApiError; it is called once, after the
    credentials have been checked, or for the log alone. `secret` describes what looks like a real credential, "" if
    nothing does.
    """

    head: RequestHead
    world: World
    now: Nanos
    bind: Callable[[], Json]
    secret: str

    @property
    def settings(self) -> Settings:
        """Return the settings of the world when the request came."""
        return self.head.settings

    @property
    def day(self) -> date:
        """Return the as-of day of the world, else the day of its clock."""
        return day_of(self.settings, self.now)

    @property
    def internal_error(self) -> ApiError:
        """Return the service's error for a bug of its own, which is also our error for a bug.

        The log has the traceback.
        """
        return outages.internal_error(self.head.service.internal_error)
