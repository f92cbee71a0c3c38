"""urllib3, and so requests, google-auth's sessions and every REST client of Google's."""

from contextlib import AbstractContextManager
from typing import Any

from mockserver.doors.intercept.http_client import connections_patched
from mockserver.doors.intercept.interceptors import Find


def patched(library: Any, find: Find) -> AbstractContextManager[None]:
    """While inside, urllib3 connects to the interceptor."""
    return connections_patched(find, library.connection.HTTPConnection, library.connection.HTTPSConnection)
