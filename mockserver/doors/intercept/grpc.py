"""grpcio, sync and asyncio: channels to Google's hosts lead to a gRPC server on a Unix socket of this process.

grpcio hands a call to the network below Python, so there is no place in the process to answer it. The server is started
for the first channel and stays until the process ends, since clients keep their channels from one test to the next.
Which app answers is decided for each call: the newest interceptor's.

The client's own call credentials go along. They are sent only where the connection is as private as TLS is, which for
grpcio a Unix socket is and a port of this machine is not.
"""

import atexit
import contextlib
import functools
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote
from weakref import WeakKeyDictionary

from mockserver.doors.intercept.interceptors import Find, Interceptor, NotServed
from mockserver.doors.patching import replaced
from mockserver.rpc.errors import ApiError, Code

if TYPE_CHECKING:
    from mockserver.grpc.face import GrpcFace, GrpcRequest
    from mockserver.grpc.reply import GrpcReply


_call_credentials: WeakKeyDictionary[Any, tuple[Any, ...]] = WeakKeyDictionary()
"""What channel credentials were composed of, which they do not tell themselves."""


@contextlib.contextmanager
def patched(grpc: Any, find: Find) -> Iterator[None]:
    """While inside, channels to the hosts that the interceptor answers for lead to it."""
    originals = grpc.composite_channel_credentials, grpc.ssl_channel_credentials
    metadata_call_credentials = grpc.metadata_call_credentials

    def composite(channel_credentials: Any, *calls: Any) -> Any:
        composition = originals[0](channel_credentials, *calls)
        _call_credentials[composition] = (*_call_credentials.get(channel_credentials, ()), *calls)
        return composition

    def on_compute_engine(calls: Any) -> Any:
        # Off Compute Engine the original comes to the same, but first looks in the network where it is.
        return composite(originals[1](), calls)

    def guarded(original: Callable[..., Any]) -> Callable[..., Any]:
        def secure_channel(
            target: str, credentials: Any, options: Any = None, compression: Any = None, *more: Any, **keywords: Any
        ) -> Any:
            host = target.rpartition("/")[2].partition(":")[0]  # as dns:///host:443
            if find(host) is None:
                return original(target, credentials, options, compression, *more, **keywords)
            local = grpc.local_channel_credentials(grpc.LocalConnectionType.UDS)
            if calls := _call_credentials.get(credentials):
                local = originals[0](local, *calls)
            options = (*(options or ()), ("grpc.default_authority", host))
            return original(_loopback(find, host), local, options, compression, *more, **keywords)

        return secure_channel

    def call_credentials(plugin: Callable[..., None], name: str | None = None) -> Any:
        return metadata_call_credentials(_with_refusals(plugin), name)

    with (
        replaced(grpc, "metadata_call_credentials", call_credentials),
        replaced(grpc, "composite_channel_credentials", composite),
        replaced(grpc, "compute_engine_channel_credentials", on_compute_engine),
        replaced(grpc, "secure_channel", guarded(grpc.secure_channel)),
        replaced(grpc.aio, "secure_channel", guarded(grpc.aio.secure_channel)),
    ):
        yield


_REFUSAL = "mockserver-refusal"
"""The metadata that has the message of a NotServed, percent-encoded."""


def _with_refusals(plugin: Callable[..., None]) -> Callable[..., None]:
    """Return a plugin that, when a request for a token is refused, has our server refuse the call with this message.

    gRPC reports an error of a plugin as UNAVAILABLE, which Google's clients retry for minutes.
    """

    def add_metadata(context: Any, callback: Callable[..., None]) -> None:
        try:
            plugin(context, callback)
        except NotServed as error:
            callback(((_REFUSAL, quote(str(error))),), None)

    return functools.update_wrapper(add_metadata, plugin)


class _NewestFace:
    """The face of the interceptor that answers when a call comes."""

    def __init__(self, find: Callable[[], Interceptor | None]) -> None:
        self._find = find
        self.table = self._face().table

    def _face(self) -> "GrpcFace":
        from mockserver.grpc.reply import connection_lost

        interceptor = self._find()
        if interceptor is None or interceptor.grpc_face is None:
            # our choice: the real service is always there
            raise connection_lost("mockserver: no test that uses the fixture is running")
        return interceptor.grpc_face()

    def answer(self, call: "GrpcRequest") -> "GrpcReply":
        if refusal := call.metadata.get(_REFUSAL):
            raise ApiError(Code.FAILED_PRECONDITION, unquote(refusal))
        if (interceptor := self._find()) is not None:
            try:
                interceptor.note((call.method, call.body), "")
            except RuntimeError as error:  # for the client, which waits in another thread
                raise ApiError(Code.FAILED_PRECONDITION, str(error)) from None
        return self._face().answer(call)


_lock = threading.Lock()
_address = ""


def _loopback(find: Find, host: str) -> str:
    """Return the address of the server, which is started if it does not run yet."""
    global _address  # noqa: PLW0603 - one server in a process
    if sys.platform == "win32":
        raise NotServed(
            f'mockserver: gRPC to {host} needs a Unix socket, which Windows has none of: give it transport="rest"'
        )
    with _lock:
        if not _address:
            from mockserver.grpc.server import GrpcServer

            folder = Path(tempfile.mkdtemp(prefix="mockserver-"))
            server = GrpcServer(_NewestFace(lambda: find(host)))
            _address = server.listen_on_socket(folder / "grpc")
            server.start()
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            # With no time at all it would cancel the connections that clients keep, and grpcio prints that.
            atexit.register(server.stop, 1)
    return _address
