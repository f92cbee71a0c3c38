"""httplib2, which google-api-python-client sends its requests through."""

from contextlib import AbstractContextManager
from typing import Any

from mockserver.doors.intercept.http_client import connections_patched
from mockserver.doors.intercept.interceptors import Find


def patched(library: Any, find: Find) -> AbstractContextManager[None]:
    """While inside, httplib2 connects to the interceptor."""
    return connections_patched(find, library.HTTPConnectionWithTimeout, library.HTTPSConnectionWithTimeout)
