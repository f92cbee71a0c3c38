"""Somebody else's server on this machine, for what is asked there."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class Neighbour(BaseHTTPRequestHandler):
    """Answers GET without a word in the log; what it answers is its subclass's to say."""

    def do_GET(self) -> None:
        self.get()

    def get(self) -> None:
        """Answer what is asked."""
        raise NotImplementedError

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        """All of a reply."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def serving(neighbour: type[Neighbour]) -> Iterator[str]:
    """Serve from a thread; the URL, without a path."""
    with ThreadingHTTPServer(("127.0.0.1", 0), neighbour) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
