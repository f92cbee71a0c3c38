"""Google's identity endpoints, so that the credentials of any client work offline.

Tokens of a refresh token, of a service account's assertion, of workload identity and of a metadata server; what a token
is; whose it is. Every access token belongs to the world that the credentials name.
"""

import base64
import json
import logging
import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from mockserver.dispatch.dispatcher import BUG
from mockserver.limits import TOKEN_BYTES
from mockserver.protojson.formatting import timestamp_text
from mockserver.rpc.credentials import Caller, Credentials, identify
from mockserver.state.clock import SECOND, SystemClock
from mockserver.state.store import Unavailable
from mockserver.state.world import PREFIX, Worlds

log = logging.getLogger("mockserver")

HOSTS = frozenset(
    {
        "accounts.google.com",
        "iamcredentials.googleapis.com",
        "oauth2.googleapis.com",
        "openidconnect.googleapis.com",
        "sts.googleapis.com",
        "www.googleapis.com",
    }
)
"""Where clients get and check tokens, of whatever service."""

METADATA_HOST = "metadata.google.internal"
"""Where a program on Google's machines gets them, in plaintext."""

METADATA_PATH = "/computeMetadata/v1/"

# Google's own lifetime, one second short [seen in every answer quoted in public].
LIFETIME_SECONDS = 3599

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
SERVICE_ACCOUNT = "default@{project}.iam.gserviceaccount.com"

_WORLD = re.compile(rf"\b{PREFIX}-[a-z0-9]+")
_ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
_FLAVOR = {"Metadata-Flavor": "Google", "Server": "Metadata Server for VM"}

METADATA_ROOT = PlainTextResponse("computeMetadata/\n", headers=_FLAVOR)
"""The ASGI app that answers at "/" to clients that want to find out whether there is a metadata server."""

_PATHS = frozenset({"/token", "/tokeninfo", "/v1/token", "/v1/userinfo"})
_FOLDERS = ("/computeMetadata/", "/oauth2/", "/o/oauth2/", "/v1/projects/-/serviceAccounts/")


def is_identity_path(path: str) -> bool:
    """Return whether a path belongs here, and to no service."""
    return path in _PATHS or path.startswith(_FOLDERS)


def asks_for_metadata(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Return whether a request for "/" is one for METADATA_ROOT."""
    return (b"metadata-flavor", b"Google") in headers


def create_app(worlds: Worlds) -> ASGIApp:
    """Create the ASGI app for all hosts; no two hosts have the same path.

    Its routes are built when it is first used.
    """
    router = cache(lambda: Router(_routes(worlds), redirect_slashes=False))

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await router()(scope, receive, send)
        except Unavailable as error:  # it is raised before the answer begins
            log.error("%s", error)  # noqa: TRY400 - the sentence says it all
            await _error("temporarily_unavailable", str(error), 503)(scope, receive, send)
        except ClientDisconnect:  # nobody waits for an answer
            return
        except Exception:  # a bug of ours; an answer is sent as a whole, so none has begun
            log.exception(BUG, scope["path"])
            await _error("internal_failure", "Internal error", 500)(scope, receive, send)

    return app


def _routes(worlds: Worlds) -> list[Route]:
    identity = Identity(worlds)
    tokens = [
        Route(path, identity.token, methods=["POST"]) for path in ("/token", "/o/oauth2/token", "/oauth2/v4/token")
    ]
    infos = ("/tokeninfo", "/oauth2/{version}/tokeninfo")
    users = ("/v1/userinfo", "/oauth2/{version}/userinfo")
    return [
        *tokens,
        Route("/v1/token", identity.exchange, methods=["POST"]),
        Route("/v1/projects/-/serviceAccounts/{email}:generateAccessToken", identity.impersonate, methods=["POST"]),
        *[Route(path, identity.tokeninfo, methods=["GET", "POST"]) for path in infos],
        *[Route(path, identity.userinfo, methods=["GET", "POST"]) for path in users],
        Route(METADATA_PATH + "{path:path}", identity.metadata),
    ]


class Identity:
    """Answers for all identity endpoints."""

    def __init__(self, worlds: Worlds) -> None:
        self._worlds = worlds

    async def token(self, request: Request) -> JSONResponse:
        """Return an access token for any grant; without a grant, the error of RFC 6749."""
        form = await _form(request)
        if isinstance(form, JSONResponse):
            return form
        claims = _claims(form.get("assertion", ""))
        if audience := claims.get("target_audience"):
            return JSONResponse({"id_token": _id_token(str(audience), str(claims.get("iss")))})
        return _bearer(access_token(form), scope=str(claims.get("scope") or form.get("scope") or SCOPE))

    async def exchange(self, request: Request) -> JSONResponse:
        """Return an access token for a token of another identity provider (workload identity federation)."""
        form = await _form(request)
        return form if isinstance(form, JSONResponse) else _bearer(access_token(form), issued_token_type=_ACCESS_TOKEN)

    async def impersonate(self, request: Request) -> JSONResponse:
        """Return the access token of a service account that the caller acts as."""
        if _bearer_of(request) is None:
            return _unauthenticated()
        expires = SystemClock().now() + LIFETIME_SECONDS * SECOND
        token = access_token({"token": _bearer_of(request) or ""})
        return JSONResponse({"accessToken": token, "expireTime": timestamp_text(expires // SECOND * SECOND)})

    async def tokeninfo(self, request: Request) -> JSONResponse:
        """Return what an access or ID token is."""
        form = dict(request.query_params)
        if request.method == "POST":
            fields = await _form(request, required="")
            form |= {} if isinstance(fields, JSONResponse) else fields
        claims = _claims(form.get("id_token", ""))
        token = form.get("access_token")
        if token is None and not claims:
            # our choice: not seen
            return _error("invalid_request", "either access_token or id_token is required")
        expires = claims.get("exp") or SystemClock().now() // SECOND + LIFETIME_SECONDS
        if not isinstance(expires, int) and not (isinstance(expires, float) and expires.is_integer()):
            # our choice: not seen
            return _error("invalid_request", "exp of id_token is not a time in seconds")
        email = str(claims.get("email") or self._caller(token or "").email)
        client = str(claims.get("aud") or f"{PREFIX}.apps.googleusercontent.com")
        info = {
            "azp": client,
            "aud": client,
            "sub": _subject(email),
            "scope": f"openid https://www.googleapis.com/auth/userinfo.email {SCOPE}",
            "exp": str(int(expires)),
            "expires_in": str(LIFETIME_SECONDS),
            "email": email,
            "email_verified": "true",
            "access_type": "online",
        }
        return JSONResponse(info)

    async def userinfo(self, request: Request) -> JSONResponse:
        """Return whose access token it is: in OpenID's members, or Google's older ones (v1, v2)."""
        token = request.query_params.get("access_token") or _bearer_of(request)
        if token is None:
            return _unauthenticated()
        email = str(self._caller(token).email)
        if request.path_params.get("version") in {"v1", "v2"}:
            return JSONResponse({"id": _subject(email), "email": email, "verified_email": True})
        return JSONResponse({"sub": _subject(email), "email": email, "email_verified": True})

    async def metadata(self, request: Request) -> Response:
        """Answer as a metadata server does, which wants its header in the request, too."""
        if request.headers.get("metadata-flavor") != "Google":
            return PlainTextResponse("Missing required header: Metadata-Flavor\n", 403, _FLAVOR)  # our choice: not seen
        value = _at(self._metadata(request), request.path_params["path"].strip("/"))
        if value is None:
            return PlainTextResponse("Not Found\n", 404, _FLAVOR)  # our choice: not seen
        if not isinstance(value, dict):
            return PlainTextResponse(str(value), headers=_FLAVOR)
        if request.query_params.get("recursive") == "true" or "access_token" in value:
            return JSONResponse(value, headers=_FLAVOR)
        names = [f"{name}/" if isinstance(below, dict) else name for name, below in value.items()]
        return PlainTextResponse("".join(f"{name}\n" for name in names), headers=_FLAVOR)

    def _metadata(self, request: Request) -> dict[str, Any]:
        """Return the tree of metadata: a project, and a machine with a service account."""
        credentials = self._worlds.default.credentials
        audience = request.query_params.get("audience", "")
        email = SERVICE_ACCOUNT.format(project=credentials.project)
        account = {
            "aliases": "default",
            "email": email,
            "scopes": f"{SCOPE}\n",
            "token": _token(access_token({"token": credentials.token})),
            "identity": _id_token(audience, email),
        }
        number = identify(Credentials(bearer=email)).project
        return {
            "instance": {
                "id": number,
                "name": PREFIX,
                "zone": f"projects/{number}/zones/us-central1-a",
                "service-accounts": {"default": account, email: account},
            },
            "project": {"numeric-project-id": number, "project-id": credentials.project},
            "universe": {"universe-domain": "googleapis.com"},
        }

    def _caller(self, token: str) -> Caller:
        world = self._worlds.choose((token,))
        return identify(Credentials(bearer=token), default_user=world.settings.default_user)


def access_token(form: Mapping[str, str]) -> str:
    """Return the token of the world that the credentials name, else of the default world."""
    signed = _claims(form.get("assertion") or form.get("subject_token") or "")
    claims = " ".join(str(value) for value in signed.values())
    world = _WORLD.search(" ".join([*form.values(), claims]))
    name = world[0] if world else ""
    return f"{PREFIX}-token" if name in {"", f"{PREFIX}-token", f"{PREFIX}-key"} else f"{name}-token"


def _token(token: str) -> dict[str, Any]:
    return {"access_token": token, "expires_in": LIFETIME_SECONDS, "token_type": "Bearer"}


def _bearer(token: str, **more: str) -> JSONResponse:
    return JSONResponse({**_token(token), **more})


def _error(code: str, description: str, status: int = 400) -> JSONResponse:
    return JSONResponse({"error": code, "error_description": description}, status_code=status)


def _unauthenticated() -> JSONResponse:
    return _error("invalid_request", "Invalid Credentials", 401)  # our choice: not seen


async def _form(request: Request, required: str = "grant_type") -> dict[str, str] | JSONResponse:
    """Return the posted form, which may be JSON as Node's library sends it, or the error to answer."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > TOKEN_BYTES:
            return _error("invalid_request", f"The body has more than {TOKEN_BYTES} bytes")
    text = body.decode("utf-8", "replace")
    form = dict(parse_qsl(text))
    if request.headers.get("content-type", "").startswith("application/json"):
        read = _json(text)
        form = {str(name): str(value) for name, value in read.items()}
    if required and not form.get(required):
        return _error("invalid_request", f"Required parameter is missing: {required}")
    return form


def _bearer_of(request: Request) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def _claims(token: str) -> dict[str, Any]:
    """Return what a JSON web token claims, without checking its signature; {} if it is none."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        return _json(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)).decode())
    except ValueError:
        return {}


def _json(text: str) -> dict[str, Any]:
    """Return the object that a text is; {} if it is none, or has a lone surrogate, which no answer can repeat."""
    try:
        value = json.loads(text)
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _id_token(audience: str, email: str) -> str:
    """Return a JSON web token whose signature is made up."""
    now = SystemClock().now() // SECOND
    header = {"alg": "RS256", "kid": PREFIX, "typ": "JWT"}
    claims = {
        "iss": "https://accounts.google.com",
        "aud": audience,
        "azp": audience,
        "sub": _subject(email),
        "email": email,
        "email_verified": True,
        "iat": now,
        "exp": now + LIFETIME_SECONDS,
    }
    parts = [json.dumps(header).encode(), json.dumps(claims).encode(), b"made-up signature"]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def _subject(email: str) -> str:
    """Derive the number of an account."""
    return f"1{identify(Credentials(bearer=email)).project:0>20}"


def _at(tree: Any, path: str) -> Any:
    """Return what is at a path of the tree, None if nothing is."""
    for name in filter(None, path.split("/")):
        if not isinstance(tree, dict) or name not in tree:
            return None
        tree = tree[name]
    return tree
