"""Serves discovery documents of both services, from the routes and the schema: `/$discovery/rest?version=v1beta`.

    build("generativelanguage", "v1beta", discoveryServiceUrl=URL + "/$discovery/rest?version={apiVersion}")
    build("aiplatform", "v1", discoveryServiceUrl=URL + "/$discovery/rest?version={apiVersion}&service={api}")

google-api-python-client and the googleapis packages of other languages build their methods from such a document.
"""

import json
import logging

from starlette.requests import Request
from starlette.responses import Response

from mockserver.discovery.documents import document
from mockserver.dispatch.route_table import RouteTable
from mockserver.dispatch.service import Service
from mockserver.http import error_pages
from mockserver.http.error_body import error_body
from mockserver.rpc import outages
from mockserver.rpc.hosts import host_without_port
from mockserver.state.clock import to_datetime
from mockserver.state.store import Unavailable
from mockserver.state.world import Worlds

log = logging.getLogger("mockserver")


class Discovery:
    """Serves the discovery documents of all services."""

    def __init__(self, worlds: Worlds, table: RouteTable) -> None:
        self._worlds = worlds
        self._table = table

    async def answer(self, request: Request) -> Response:
        """Return the document of a service and version; the outermost server's 404 if there is none."""
        try:
            return self._answer(request)
        except Unavailable as error:
            log.error("%s", error)  # noqa: TRY400 - the sentence says it all
            refusal = outages.overloaded()
            return Response(error_body(refusal), refusal.code.http, media_type="application/json; charset=UTF-8")

    def _answer(self, request: Request) -> Response:
        version = request.query_params.get("version", "")
        host = request.headers.get("host", "")
        service = self._find_service(host_without_port(host), request.query_params.get("service", ""), version)
        version = version or service.discovery.default_version
        world = self._worlds.choose([request.url.query, *request.headers.values()])
        settings = world.settings
        routes = [
            route
            for route in self._table.routes
            if (route.service, route.version) == (service.host, version)
            and route.is_live(settings.as_of, lenient=settings.lenient_routes)
        ]
        if not routes:
            page = error_pages.not_found_page(f"{request.url.path}?{request.url.query}")
            return Response(page, 404, media_type="text/html; charset=UTF-8")
        root = f"{request.url.scheme}://{host}/"
        revision = f"{to_datetime(world.clock.now()):%Y%m%d}"
        text = json.dumps(
            document(service, version, routes, root_url=root, revision=revision), indent=2, sort_keys=True
        )
        return Response(text + "\n", media_type="application/json; charset=UTF-8")

    def _find_service(self, host: str, name: str, version: str) -> Service:
        """Find the service by its host, else by its name, else by the version; else return the first one."""
        services = list(self._table.services.values())
        for service in services:
            if service.serves_host(host) or name == service.name:
                return service
        return next((service for service in services if version in service.discovery.versions), services[0])
