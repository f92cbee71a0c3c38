"""gRPC, which is not answered: who is about to ask Google through it hears so, rather than Google of the test."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import grpc

from mockserver.doors.intercept import Net


class NotServed(RuntimeError):
    """A client is about to ask one of the caught hosts in a way in which it is not answered here."""


@contextlib.contextmanager
def patched(net: Net) -> Iterator[None]:
    """While inside, no channel leads to a host that is the net's."""

    def guarded(original: Callable[..., Any]) -> Callable[..., Any]:
        def secure_channel(target: str, *args: Any, **kwargs: Any) -> Any:
            host = target.rpartition("/")[2]  # as dns:///host:443
            if net.catches(f"https://{host}"):
                raise NotServed(
                    f"mockserver: gRPC is not answered here, and this client is about to ask {host} through it:"
                    ' give it transport="rest", or vertexai.init(api_transport="rest")'
                )
            return original(target, *args, **kwargs)

        return secure_channel

    with (
        mock.patch.object(grpc, "secure_channel", guarded(grpc.secure_channel)),
        mock.patch.object(grpc.aio, "secure_channel", guarded(grpc.aio.secure_channel)),
    ):
        yield
