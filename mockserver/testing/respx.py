"""A respx route for Google's hosts, for tests that use respx for all hosts.

It needs `pip install 'gemini-tuning-mockserver[respx]'`. The fixture `mockserver` does not need it: it answers for
Google's hosts before respx sees the request.
"""

import httpx
import respx

from mockserver.doors.intercept.httpx import answer_function
from mockserver.doors.intercept.interceptors import Interceptor, answered_hosts
from mockserver.testing.mock_server import MockServer


def route(server: MockServer) -> respx.Route:
    """Return a route to the server for all of Google's hosts that it serves: `respx_mock.add(route(server))`.

    It does not change sleeping or the environment: pass a key to the client, and move time with `server.clock.advance`.
    """
    interceptor = Interceptor(server.app, server.clock)
    answer = answer_function(httpx)

    def respond(request: httpx.Request) -> httpx.Response:
        response: httpx.Response = answer(interceptor, request)
        return response

    return respx.Route(host__regex=f"^(?:{answered_hosts().pattern})$").mock(side_effect=respond)
