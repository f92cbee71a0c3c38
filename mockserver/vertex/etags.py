"""Etags: hashes of the state of a resource at its last change.

Real ones are 50 or 51 bytes of URL-safe base64 that begin with AMEw9y [seen in 12 resources].
"""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha512
from typing import Any

from mockserver.rpc.errors import ApiError, Code

_HEAD = bytes.fromhex("00c130f723")


def etag(*facts: object) -> str:
    """Return the etag of a resource; `facts` are everything in it that can change."""
    digest = sha512("\x1f".join(map(str, facts)).encode()).digest()
    return urlsafe_b64encode(_HEAD + digest[:46]).decode()


def check_etag(body: Mapping[str, Any], old: Mapping[str, Any]) -> None:
    """Raise 409 for a change that was made to another state of the resource (AIP-154)."""
    if body.get("etag") and body["etag"] != old["etag"]:
        raise ApiError(Code.ABORTED, f"Etag mismatch for {old['name']}.")  # our choice of words: not seen
