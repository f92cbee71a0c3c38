"""The port file: where a server listens, for the process that started it and for `mockserver health`."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mockserver.control.guard import HEADER
from mockserver.settings import BadOption


@contextmanager
def port_file(path: Path, url: str, grpc_target: str, token: str | None) -> Iterator[None]:
    """Write the file, and delete it at the end. Raises BadOption if it cannot be written.

    The control token, if there is one, is in a file of its own beside it that only its owner can read.
    """
    path = path.absolute()
    token_file = path.with_name(f"{path.name}.token")
    members: dict[str, Any] = {
        "url": url,
        "grpc": grpc_target or None,
        "pid": os.getpid(),
        "token": {"header": HEADER, "file": str(token_file)} if token else None,
    }
    try:
        if token:
            _write(token_file, token, 0o600)
        _write(path, json.dumps(members, indent=1) + "\n", 0o644)
    except OSError as error:
        raise BadOption(f"cannot write {path}: {error.strerror}", "--port-file") from None
    try:
        yield
    finally:
        for each in (path, token_file):
            each.unlink(missing_ok=True)


def read_url(path: Path) -> str:
    """Return the URL in a port file. Raises OSError if there is none, ValueError if it is another file."""
    try:
        return str(json.loads(path.read_text())["url"])
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{path} is not a port file: it has no url") from None


def _write(path: Path, text: str, mode: int) -> None:
    """Write a file at once, so that nobody reads the half of it."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(text)
    draft.replace(path)
