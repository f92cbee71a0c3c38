"""A request as the dispatcher takes it, whatever protocol it came by."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from mockserver.dispatch.routing import Json, Route, day_of
from mockserver.dispatch.service import Service
from mockserver.rpc import outages
from mockserver.rpc.credentials import Credentials
from mockserver.rpc.errors import ApiError
from mockserver.state.clock import Nanos
from mockserver.state.world import Settings, World


@dataclass(slots=True)  # frozen would cost more than the checks do
class Request:
    """A request whose method is known.

    `settings` are the world's, read once. `resource` is the resource name, which is known before the message is
    bound. `bind` creates the message, or raises ApiError; it is called once, after the credentials have been checked,
    or for the log alone. `options` is the metadata that the service's handlers may read. `secret` describes what looks
    like a real credential, "" if nothing does. The log of calls shows `verb` and `path`.
    """

    service: Service
    route: Route
    world: World
    settings: Settings
    now: Nanos
    resource: str
    credentials: Credentials
    bind: Callable[[], Json]
    options: Mapping[str, str]
    secret: str
    verb: str
    path: str

    @property
    def day(self) -> date:
        """Return the as-of day of the world, else the day of its clock."""
        return day_of(self.settings, self.now)

    @property
    def internal_error(self) -> ApiError:
        """Return the service's error for a bug of its own, which is also our error for a bug.

        The log has the traceback.
        """
        return outages.internal_error(self.service.internal_error)
