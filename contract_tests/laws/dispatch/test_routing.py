"""How paths find their routes."""

from dataclasses import replace

import pytest

from mockserver.dispatch.route_table import RouteTable
from mockserver.dispatch.routing import Route
from mockserver.gemini.service import SERVICE
from mockserver.inspection.services import route_table


def sample(route: Route) -> str:
    """A path that the route is for."""
    return route.path.replace("**", "many/and:more").replace("*", "one").translate(str.maketrans("", "", "{}"))


def plain(path: str) -> str:
    """A path without the names of its variables: "/v1/models/one" of "/v1/name=models/one"."""
    return "/".join(part.rpartition("=")[2] for part in path.split("/"))


def handle(_: object) -> dict[str, object]:
    """Answer with nothing."""
    return {}


@pytest.mark.parametrize("route", route_table().routes, ids=lambda route: route.template)
def test_every_route_finds_itself(route: Route) -> None:
    """Or one before it of the same verb, version and action that fits as well."""
    found = route_table().match(route.verb, plain(sample(route)), lenient=True)

    assert found is not None
    assert (route.verb, route.version, route.path.rpartition(":")[2]) == (
        found.route.verb,
        found.route.version,
        found.route.path.rpartition(":")[2],
    )


def test_what_looks_like_an_action_may_be_a_name() -> None:
    """`**` takes colons too, unless there is a route of that action."""
    rest = Route("rest", "GET /v1/{name=things/**}", handle, "", "")
    act = Route("act", "GET /v1/{name=things/*}:act", handle, "", "")
    table = RouteTable([replace(SERVICE, routes=(act, rest))])
    matches = [table.match("GET", f"/v1/things/{path}") for path in ("a:act", "a:other", "a:b/c")]

    assert [
        ("act", {"name": "things/a"}),
        ("rest", {"name": "things/a:other"}),
        ("rest", {"name": "things/a:b/c"}),
    ] == [(match.route.id, match.path) for match in matches if match]
