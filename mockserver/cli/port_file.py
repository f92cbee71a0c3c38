"""The port file of `mockserver serve`: how a parent, a health check or a script finds the server that was started."""

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mockserver.settings import BadOption


def write_port_file(file: str, *, url: str, grpc: str, token: str | None) -> None:
    """Write where the server listens: a JSON object. Whoever reads the file sees all of it or none.

    It is readable for its owner only, because it has the control token.
    """
    content = {"url": reachable(url), "grpc": grpc or None, "pid": os.getpid(), "token": token}
    part = f"{file}.{os.getpid()}"
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(json.dumps(content) + "\n")
    Path(part).replace(file)


def read_port_file(file: str) -> dict[str, Any]:
    """Return what the file says. BadOption if it cannot be read."""
    try:
        content: dict[str, Any] = json.loads(Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadOption(f"cannot read the port file {file}: {error}", "--port-file") from None
    return content


def reachable(url: str) -> str:
    """Return the URL with an address that one can connect to: a server that listens on all is reached on loopback."""
    port = urlsplit(url).port
    return {
        f"http://0.0.0.0:{port}": f"http://127.0.0.1:{port}",
        f"http://[::]:{port}": f"http://[::1]:{port}",
    }.get(url, url)
