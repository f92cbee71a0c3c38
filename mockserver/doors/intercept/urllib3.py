"""urllib3, and so requests, google-auth's sessions and every REST client of Google's."""

import http.client
from contextlib import AbstractContextManager
from typing import Any

from mockserver.doors.intercept.http_client import connections_patched
from mockserver.doors.intercept.interceptors import Find


def patched(library: Any, find: Find) -> AbstractContextManager[None]:
    """While inside, urllib3 connects to the interceptor.

    urllib3-future, which takes its name, has sockets of its own: its look-ups are refused.
    """
    classes = library.connection.HTTPConnection, library.connection.HTTPSConnection
    return connections_patched(find, *(each for each in classes if issubclass(each, http.client.HTTPConnection)))
