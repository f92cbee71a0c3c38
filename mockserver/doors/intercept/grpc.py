"""gRPC, which is not answered: a client that is about to reach Google through it gets an error instead."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from mockserver.doors.intercept.interceptors import Find, NotServed
from mockserver.doors.patching import replaced


@contextlib.contextmanager
def patched(grpc: Any, find: Find) -> Iterator[None]:
    """While inside, no channel leads to a host that the interceptor answers for."""

    def guarded(original: Callable[..., Any]) -> Callable[..., Any]:
        def secure_channel(target: str, *args: Any, **kwargs: Any) -> Any:
            host = target.rpartition("/")[2].partition(":")[0]  # as dns:///host:443
            if find(host) is not None:
                raise NotServed(
                    f"mockserver: gRPC is not answered here, and this client is about to ask {host} through it:"
                    ' give it transport="rest", or vertexai.init(api_transport="rest")'
                )
            return original(target, *args, **kwargs)

        return secure_channel

    with (
        replaced(grpc, "secure_channel", guarded(grpc.secure_channel)),
        replaced(grpc.aio, "secure_channel", guarded(grpc.aio.secure_channel)),
    ):
        yield
