"""The route table: finds the method of a request by verb, version and action."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from urllib.parse import unquote

from mockserver.dispatch.routing import Json, Route, compile_path, path_variables, text_at
from mockserver.dispatch.service import Service


@dataclass(slots=True)  # frozen would cost more than the values do
class Match:
    """A matching route and the values of its path variables, by the names in the rule."""

    route: Route
    path: Mapping[str, str]


class RouteTable:
    """The routes of all services, by verb, version and action."""

    def __init__(self, services: Iterable[Service]) -> None:
        self.services = {service.host: service for service in services}
        self.service_of_host = lru_cache(maxsize=64)(self._service_of_host)
        """Returns the host of the service that a host name in lower case belongs to (a region's too); "" if none."""
        self._hosts = [(re.compile(service.host_pattern), service.host) for service in self.services.values()]
        self.routes = (
            *(replace(route, service=host) for host, service in self.services.items() for route in service.routes),
            *(
                replace(route, service=host, lenient=True)
                for host, service in self.services.items()
                for route in service.lenient_routes
            ),
        )
        self._service_by_collection: dict[str, str] = {}
        self._services_by_version: dict[str, set[str]] = {}
        self._routes_by_key: dict[tuple[str, str, str], list[tuple[Route, str]]] = {}
        self._routes_by_rpc: dict[str, list[Route]] = {}
        self._name_fields: dict[str, set[tuple[str, ...]]] = {}
        for route in self.routes:
            key = (route.verb, route.version, _action(route.path))
            self._routes_by_key.setdefault(key, []).append((route, route.path))
            if not route.lenient:
                self._routes_by_rpc.setdefault(route.rpc, []).append(route)
                self._name_fields.setdefault(route.rpc, set()).update(field for field, _ in path_variables(route.path))
            self._service_by_collection.setdefault(_collection(route.path), route.service)
            self._services_by_version.setdefault(route.version, set()).add(route.service)

    def service(self, path: str) -> str:
        """Return the host of the service of a path, by its collection, else by its version; "" if unknown."""
        hosts = self._services_by_version.get(_version(path), set())
        return self._service_by_collection.get(_collection(path)) or ("".join(hosts) if len(hosts) == 1 else "")

    def _service_of_host(self, host: str) -> str:
        return next((service for pattern, service in self._hosts if pattern.fullmatch(host)), "")

    def match(
        self, verb: str, path: str, as_of: date | None = None, *, lenient: bool = False, service: str = ""
    ) -> Match | None:
        """Return the first live route that matches, or None. `path` is percent-encoded, as on the wire.

        A request to a host of a `service` matches only the routes of this service.
        """
        version, action = _version(path), _action(path)
        for key in (verb, version, action), (verb, version, ""):  # a `**` may match what looks like an action
            for route, rule in self._routes_by_key.get(key, ()):
                pattern, names = compile_path(rule)
                match = pattern.fullmatch(path)
                if match and route.is_live(as_of, lenient=lenient) and service in {"", route.service}:
                    values = map(unquote, match.groups())
                    return Match(route, dict(zip(names, values, strict=True)))
        return None

    def routes_of(self, rpc: str, service: str = "") -> Sequence[Route]:
        """Return the routes of an rpc, by its full name, of all services or of the one that was called."""
        routes = self._routes_by_rpc.get(rpc, ())
        return [route for route in routes if route.service == service] if service else routes

    def resource_names(self, rpc: str, message: Json) -> tuple[str, ...]:
        """Return what the message of an rpc has in each of the fields that its paths name: "" if there is no text."""
        return tuple([text_at(message, field) for field in self._name_fields.get(rpc, ())])

    def match_rpc(self, rpc: str, message: Json, as_of: date | None = None, service: str = "") -> Route | None:
        """Return the first live route of an rpc whose path matches the names in the message, or None.

        A call to a host of a `service` matches only the routes of this service.
        """
        names = set(filter(None, self.resource_names(rpc, message)))
        for route in self.routes_of(rpc, service):
            variables = path_variables(route.path)
            matched = {text_at(message, field) for field, _ in variables}
            matches = all(pattern.fullmatch(text_at(message, field)) for field, pattern in variables)
            if matches and names <= matched and route.is_live(as_of):
                return route
        return None

    def find_on(self, path: str) -> list[Route]:
        """Return the routes with this path, whatever their verb."""
        return [route for route in self.routes if route.version == _version(path) and _matches(route, path)]

    def find_nearest(self, verb: str, path: str) -> list[Route]:
        """Return routes with another verb or version than the path, else those with the same action."""
        tail = path.split("/", 2)[-1]
        same_path = [route for route in self.routes if _matches(route, f"/{route.version}/{tail}")]
        action = _action(path)
        same_action = [route for route in self.routes if action and route.path.endswith(f":{action}")]
        versions = list(self._services_by_version)
        return sorted(same_path, key=lambda route: (route.verb != verb, versions.index(route.version))) or same_action


def _matches(route: Route, path: str) -> bool:
    return compile_path(route.path)[0].fullmatch(path) is not None


def _version(path: str) -> str:
    """Return the first segment: "v1" of "/v1/tunedModels"."""
    return path.split("/", 2)[1] if path.startswith("/") else ""


def _action(path: str) -> str:
    """Return what follows the last colon: "generateContent" of "/v1/models/x:generateContent"; "" without a colon."""
    return path.rpartition(":")[2] if ":" in path else ""


def _collection(path: str) -> str:
    """Return what follows the version: "tunedModels" of "/v1/tunedModels/x:generateContent"."""
    rest = path.split("/", 2)[-1]
    return re.split(r"[/:*}]", rest.partition("=")[2] if rest.startswith("{") else rest, maxsplit=1)[0]
