"""Whether the credentials of a request are enough for a method."""

from mockserver.dispatch.routing import Route
from mockserver.rpc import errors
from mockserver.rpc.credentials import Caller, Credentials, identify, identify_cached
from mockserver.state.world import Settings


def authenticate(credentials: Credentials, route: Route, settings: Settings, *, secret: bool) -> Caller:
    """The caller. Raises what the real front end says of credentials that are missing, of the wrong kind or unknown.

    A caller whose credentials hold a real-looking `secret` is not remembered.
    """
    if settings.auth != "off":
        check_credentials(credentials, route, settings)
    return identify_caller(credentials, settings, secret=secret)


def identify_caller(credentials: Credentials, settings: Settings, *, secret: bool) -> Caller:
    """The caller, whether or not the credentials are enough."""
    return (identify if secret else identify_cached)(credentials, default_user=settings.default_user)


def check_credentials(credentials: Credentials, route: Route, settings: Settings) -> None:
    """Raise ApiError for credentials that are missing, of the wrong kind or, under `auth: strict`, not listed."""
    if route.credentials == "none":
        return
    keys = route.takes_keys(settings.as_of)
    if credentials.key is None and credentials.bearer is None:
        raise errors.unregistered_caller() if keys else errors.missing_credential(route.rpc, route.service)
    if credentials.bearer is None and not keys and route.credentials != "own":
        raise errors.api_keys_not_supported(route.rpc, route.service)
    if settings.auth != "strict":
        return
    if credentials.bearer is not None and credentials.bearer not in settings.accepted_credentials:
        raise errors.invalid_bearer()
    if credentials.key is not None and credentials.key not in settings.accepted_credentials:
        raise errors.invalid_api_key(route.service)
