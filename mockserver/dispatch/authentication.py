"""Authentication: checks the credentials of a request, and identifies its caller."""

from mockserver.dispatch.request import Request, RequestHead
from mockserver.rpc import errors
from mockserver.rpc.credentials import Caller, identify, identify_cached

_TOKENS_ONLY = (
    "this method takes OAuth tokens only, as in the real service. Any made-up one will do: send the header Authorization:"
    ' Bearer mockserver-token, or give the client credentials=google.oauth2.credentials.Credentials(token="mockserver-token")'
    " instead of api_key=. Without api_key= in the program, a made-up key in the environment is left out by"
    " fake_api_key=False, or `mockserver run --no-api-key`"
)
_NOT_LISTED = (
    "auth is strict, which accepts only what is listed: add it to --credential (`mockserver serve` and `mockserver"
    " run`) or accepted_credentials (tests), or leave out auth"
)


def authenticate(request: Request) -> Caller:
    """Return the caller. Raises the real front end's error for missing, wrong or unknown credentials."""
    head = request.head
    if head.caller is not None:
        return head.caller
    if head.settings.auth != "off":
        check_credentials(head)
    caller = identify_caller(request)
    if not request.secret:
        head.caller = caller
    return caller


def identify_caller(request: Request) -> Caller:
    """Return the caller, without checking the credentials. It is not cached if they contain a real-looking secret."""
    return (identify if request.secret else identify_cached)(
        request.head.credentials, default_user=request.head.settings.default_user
    )


def check_credentials(head: RequestHead) -> None:
    """Raise ApiError for credentials that are missing, of the wrong kind or, with `auth: strict`, not listed."""
    credentials, route, settings = head.credentials, head.route, head.settings
    if route.credentials == "none":
        return
    if credentials.bearer is None:
        keys = route.takes_keys(settings.as_of)
        if credentials.key is None:
            raise errors.unregistered_caller() if keys else errors.missing_credential(route.rpc, route.service)
        if not keys and route.credentials != "own":
            raise errors.api_keys_not_supported(route.rpc, route.service).with_hint(_TOKENS_ONLY)
    if settings.auth != "strict":
        return
    if credentials.bearer is not None and credentials.bearer not in settings.accepted_credentials:
        raise head.service.invalid_token(route).with_hint(_NOT_LISTED)
    if credentials.key is not None and credentials.key not in settings.accepted_credentials:
        raise errors.invalid_api_key(route.service).with_hint(_NOT_LISTED)
