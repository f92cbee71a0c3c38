"""Google's token endpoint, oauth2.googleapis.com/token, so that any credentials of a client work.

It exchanges a refresh token or a signed assertion for an access token of the same world.
"""

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse

from mockserver.limits import TOKEN_BYTES

# Google's own lifetime, one second short [seen in every answer quoted in public].
LIFETIME_SECONDS = 3599

_WORLD = re.compile(r"mockserver-[a-z0-9]+")


async def exchange(request: Request) -> JSONResponse:
    """Return an access token for any grant; without a grant, the error of RFC 6749."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > TOKEN_BYTES:
            error = {"error": "invalid_request", "error_description": f"The body has more than {TOKEN_BYTES} bytes"}
            return JSONResponse(error, status_code=400)
    form = dict(parse_qsl(body.decode("utf-8", "replace")))
    if not form.get("grant_type"):
        error = {"error": "invalid_request", "error_description": "Required parameter is missing: grant_type"}
        return JSONResponse(error, status_code=400)
    return JSONResponse(
        {
            "access_token": access_token(form),
            "expires_in": LIFETIME_SECONDS,
            "scope": "https://www.googleapis.com/auth/cloud-platform",
            "token_type": "Bearer",
        }
    )


def access_token(form: Mapping[str, str]) -> str:
    """Return the token of the world that the grant names, else of the default world."""
    world = _WORLD.search(form.get("refresh_token", "") + form.get("assertion", ""))
    return f"{world[0] if world else 'mockserver'}-token"
