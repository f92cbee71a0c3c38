"""A route for people who mock their other hosts with respx and want Google's among them.

It needs `pip install 'gemini-tuning-mockserver[respx]'`. Beside the fixture `mockserver` it is not needed: that one
answers for Google's hosts before respx sees the request.
"""

import httpx
import respx

from mockserver.doors.intercept.httpx import answer_function
from mockserver.doors.intercept.interceptors import Interceptor, answered_hosts
from mockserver.testing.mock_server import MockServer


def route(server: MockServer) -> respx.Route:
    """A route that the server answers, for all hosts of Google's that it knows: `respx_mock.add(route(server))`.

    Time and environment are left alone: pass the client a key, and move the clock with `server.clock.advance`.
    """
    interceptor = Interceptor(server.app, server.clock)
    answer = answer_function(httpx)

    def respond(request: httpx.Request) -> httpx.Response:
        response: httpx.Response = answer(interceptor, request)
        return response

    return respx.Route(host__regex=f"^(?:{answered_hosts().pattern})$").mock(side_effect=respond)
