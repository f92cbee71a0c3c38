"""Which method a request means: the routes of all services, found by verb, version and action."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from urllib.parse import unquote

from mockserver.dispatch.routing import Json, Route, compile_path, path_variables, text_at
from mockserver.dispatch.service import Service


@dataclass(frozen=True, slots=True)
class Match:
    """A route and the values of its path variables, by the names the rule gives them."""

    route: Route
    path: Mapping[str, str]


class RouteTable:
    """Finds the routes of some services by verb, version and action."""

    def __init__(self, services: Iterable[Service]) -> None:
        self.services = {service.host: service for service in services}
        self.routes = (
            *(replace(route, service=host) for host, service in self.services.items() for route in service.routes),
            *(
                replace(route, service=host, lenient=True)
                for host, service in self.services.items()
                for route in service.lenient_routes
            ),
        )
        self._services: dict[str, str] = {}
        self._speakers: dict[str, set[str]] = {}
        self._by_head: dict[tuple[str, str, str], list[Route]] = {}
        self._by_rpc: dict[str, list[Route]] = {}
        self._named_in: dict[str, set[tuple[str, ...]]] = {}
        for route in self.routes:
            self._by_head.setdefault((route.verb, route.version, _action(route.path)), []).append(route)
            if not route.lenient:
                self._by_rpc.setdefault(route.rpc, []).append(route)
                places = (place for place, _ in path_variables(route.path))
                self._named_in.setdefault(route.rpc, set()).update(places)
            self._services.setdefault(_collection(route.path), route.service)
            self._speakers.setdefault(route.version, set()).add(route.service)

    def service(self, path: str) -> str:
        """Returns the service that a path belongs to, by its collection, else by its version; "" if unknown."""
        speakers = self._speakers.get(_version(path), set())
        return self._services.get(_collection(path)) or ("".join(speakers) if len(speakers) == 1 else "")

    def match(self, verb: str, path: str, as_of: date | None = None, *, lenient: bool = False) -> Match | None:
        """Returns the first live route that fits, or None. `path` is as on the wire, percent-encoded."""
        for route in self._candidates(verb, _version(path), _action(path)):
            pattern, names = compile_path(route.path)
            found = pattern.fullmatch(path)
            if found and route.is_live(as_of, lenient=lenient):
                return Match(route, {name: unquote(value) for name, value in zip(names, found.groups(), strict=True)})
        return None

    def routes_of(self, rpc: str) -> Sequence[Route]:
        """Returns the routes of an rpc, by its full name; none if no service has it."""
        return self._by_rpc.get(rpc, ())

    def resources(self, rpc: str, message: Json) -> Iterator[str]:
        """Yields the names that the message of an rpc has where the paths of its routes have them."""
        return filter(None, (text_at(message, place) for place in self._named_in.get(rpc, ())))

    def match_rpc(self, rpc: str, message: Json, as_of: date | None = None) -> Route | None:
        """Returns the first live route of an rpc whose path could have been made of the message, or None."""
        for route in self.routes_of(rpc):
            variables = path_variables(route.path)
            named = {text_at(message, place) for place, _ in variables}
            fits = all(pattern.fullmatch(text_at(message, place)) for place, pattern in variables)
            if fits and named.issuperset(self.resources(rpc, message)) and route.is_live(as_of):
                return route
        return None

    def _candidates(self, verb: str, version: str, action: str) -> Iterator[Route]:
        """The routes of the action, then those without one: what looks like an action may be the end of a `**`."""
        yield from self._by_head.get((verb, version, action), ())
        if action:
            yield from self._by_head.get((verb, version, ""), ())

    def nearest(self, verb: str, path: str) -> list[Route]:
        """Returns routes near a path that none fits: of another verb or version, else of the same action."""
        tail = path.split("/", 2)[-1]
        same_path = [
            route for route in self.routes if compile_path(route.path)[0].fullmatch(f"/{route.version}/{tail}")
        ]
        action = _action(path)
        same_action = [route for route in self.routes if action and route.path.endswith(f":{action}")]
        versions = list(self._speakers)
        return sorted(same_path, key=lambda route: (route.verb != verb, versions.index(route.version))) or same_action


def _version(path: str) -> str:
    """The first segment: "v1" of "/v1/tunedModels"."""
    return path.split("/", 2)[1] if path.startswith("/") else ""


def _action(path: str) -> str:
    """What follows the last colon: "generateContent" of "/v1/models/x:generateContent", else nothing."""
    return path.rpartition(":")[2] if ":" in path else ""


def _collection(path: str) -> str:
    """What follows the version: "tunedModels" of "/v1/tunedModels/x:generateContent"."""
    rest = path.split("/", 2)[-1]
    return re.split(r"[/:*}]", rest.partition("=")[2] if rest.startswith("{") else rest, maxsplit=1)[0]
