"""The gRPC port, which the live server may have beside that of HTTP."""

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mockserver.dispatch.access_log import LogCall, log_call
from mockserver.inspection.services import route_table
from mockserver.settings.extras import install_command
from mockserver.state.world import Worlds

if TYPE_CHECKING:
    from mockserver.doors.tracing import Tracing


class CannotServe(RuntimeError):
    """There is no gRPC port to be had: the port is in use, a file cannot be read, grpcio is not installed."""


def open_port(
    worlds: Worlds,
    host: str,
    port: int,
    *,
    certificate: Path | None = None,
    key: Path | None = None,
    log_call: LogCall = log_call,
    tracing: "Tracing | None" = None,
) -> tuple[str, Callable[[float], None]]:
    """Serve gRPC there, in threads of its own. Returns `host:port` and a function that stops it. Raises CannotServe.

    With a certificate (chain) and its private key, files in PEM, by TLS; else in plaintext.
    """
    try:
        from mockserver.grpc.face import GrpcFace
        from mockserver.grpc.server import CannotBind, GrpcServer, tls
        from mockserver.http.recorded_messages import find_recorded
    except ModuleNotFoundError:  # of a module such as `google`, which is no name of a package
        sentence = f"gRPC needs grpcio and protobuf, one of which is not installed. Run: {install_command('grpc')}"
        raise CannotServe(sentence) from None
    if (certificate is None) != (key is None):
        raise CannotServe("TLS for gRPC needs both a certificate and its private key")
    try:
        credentials = tls(certificate.read_bytes(), key.read_bytes()) if certificate and key else None
        table = route_table()
        face = GrpcFace(worlds, table, log_call, find_recorded(table))
        server = GrpcServer(face if tracing is None else tracing.trace_face(face))
        target = server.listen(host, port, credentials)
    except CannotBind:
        raise CannotServe(f"cannot listen on {host}:{port} for gRPC: choose another port") from None
    except OSError as error:
        raise CannotServe(f"cannot read {error.filename}: {error.strerror}") from None
    server.start()
    return target, server.stop


class LazyPort:
    """A gRPC port that is opened when it is first used: importing grpcio takes longer than the rest of a start."""

    def __init__(
        self,
        worlds: Worlds,
        host: str,
        port: int = 0,
        *,
        log_call: LogCall = log_call,
        tracing: "Tracing | None" = None,
    ) -> None:
        self._open = partial(open_port, worlds, host, port, log_call=log_call, tracing=tracing)
        worlds.find_grpc_target = lambda: self.target
        self._lock = threading.Lock()
        self._target = ""
        self._stop: Callable[[float], None] = lambda _: None

    @property
    def target(self) -> str:
        """Return `host:port`. Raises CannotServe, for example without grpcio."""
        with self._lock:
            if not self._target:
                self._target, self._stop = self._open()
            return self._target

    @property
    def address(self) -> tuple[str, int]:
        """Return host and port. Raises CannotServe."""
        host, _, port = self.target.rpartition(":")
        return host, int(port)

    def close(self) -> None:
        """Close the port, if it was opened."""
        with self._lock:
            self._stop(0)
