"""How the proxy of `mockserver run` ends."""

import gc
import logging
import socket
import ssl
import threading
from urllib.parse import urlsplit

import pytest

from mockserver.doors.proxy import Proxy, Upstreams

RUNS = 5


def test_the_end_of_the_proxy_is_quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Clients that connect meanwhile leave no task behind, of which asyncio would complain."""
    caplog.set_level(logging.WARNING, "asyncio")
    nobody = ("127.0.0.1", 9)
    for _ in range(RUNS):
        proxy = Proxy(Upstreams(nobody, lambda: nobody, lambda _: ssl.create_default_context()))
        port = urlsplit(proxy.start()).port
        ended, connected = threading.Event(), threading.Event()
        clients = [threading.Thread(target=_connect, args=(port, ended, connected)) for _ in range(2)]
        for client in clients:
            client.start()
        assert connected.wait(10)
        proxy.stop()
        ended.set()
        for client in clients:
            client.join()
        del proxy
        gc.collect()

    assert [] == caplog.messages


def _connect(port: int | None, ended: threading.Event, connected: threading.Event) -> None:
    while not ended.is_set():
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:  # it has stopped
            return
        connected.set()
