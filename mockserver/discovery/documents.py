"""A discovery document out of routes: methods by resource, their parameters, and the schemas they mention.

Form and words as in Google's own documents of 2024-2026. Descriptions are left out: the tables have none.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from mockserver.discovery.schemas import Schemas, scalar
from mockserver.dispatch.routing import Route
from mockserver.dispatch.service import Service
from mockserver.protojson import schema
from mockserver.protojson.schema import Field, FieldType

Json = dict[str, Any]

_VARIABLE = re.compile(r"\{([a-zA-Z0-9_.]+)(?:=([^{}]*))?\}")


def document(service: Service, version: str, routes: Iterable[Route], *, root_url: str, revision: str) -> Json:
    """The document of one version of a service. `root_url` ends in a slash; `revision` is a day, as 20241031."""
    name, profile = service.name, service.discovery
    methods = {route.id: route for route in reversed(list(routes))}  # the first of one name stays
    schemas = Schemas(short=profile.short_names)
    for route in methods.values():
        schemas.need(route.response)
        if route.body:
            schemas.need(_body_message(route), frozenset(_variables(route)) if route.body == "*" else frozenset())
    resources: Json = {}
    for id_, route in methods.items():
        _place(resources, id_.split("."), method(service, route, schemas))
    made: Json = {
        "basePath": "",
        "baseUrl": root_url,
        "batchPath": "batch",
        "canonicalName": profile.canonical_name,
        "discoveryVersion": "v1",
        "documentationLink": profile.documentation,
        "fullyEncodeReservedExpansion": True,
        "id": f"{name}:{version}",
        "kind": "discovery#restDescription",
        "name": name,
        "ownerDomain": "google.com",
        "ownerName": "Google",
        "parameters": PARAMETERS,
        "protocol": "rest",
        "resources": resources["resources"],
        "revision": revision,
        "rootUrl": root_url,
        "schemas": schemas.written(),
        "servicePath": "",
        "title": service.title,
        "version": version,
        "version_module": True,
    }
    if scopes := profile.scopes:
        made["auth"] = {"oauth2": {"scopes": {scope: {"description": text} for scope, text in scopes.items()}}}
    return made


def _place(document: Json, path: list[str], described: Json) -> None:
    """Put a method under its resources: "tunedModels.permissions.list"."""
    *parents, own = path
    level = document
    for parent in parents:
        level = level.setdefault("resources", {}).setdefault(parent, {})
    level.setdefault("methods", {})[own] = described


def method(service: Service, route: Route, schemas: Schemas) -> Json:
    """One method: where it is, what it takes, what it answers."""
    variables = _variables(route)
    described: Json = {
        "flatPath": _VARIABLE.sub(lambda found: _flat(found[1], found[2] or "*"), route.path).lstrip("/"),
        "httpMethod": route.verb,
        "id": f"{service.name}.{route.id}",
        "parameterOrder": [_short(name) for name in variables],
        "parameters": {_short(name): _path_parameter(rule) for name, rule in variables.items()} | _query(route),
        "path": _VARIABLE.sub(_template_variable, route.path).lstrip("/"),
        "response": schemas.reference(route.response),
    }
    if route.body:
        described["request"] = schemas.reference(_body_message(route))
    if scopes := service.discovery.scopes:
        described["scopes"] = list(scopes)
    return described


def _variables(route: Route) -> dict[str, str]:
    """The path's variables and the rule of each."""
    return {found[1]: found[2] or "*" for found in _VARIABLE.finditer(route.path)}


def _body_message(route: Route) -> str:
    return route.request if route.body == "*" else schema.message(route.request).by_name[route.body].type_name


def _query(route: Route) -> Json:
    """What is left of the request for the query: nothing, when the body takes it all."""
    if route.body == "*":
        return {}
    elsewhere = {name.partition(".")[0] for name in _variables(route)} | {route.body}
    fields = (field for field in schema.message(route.request).fields if field.name not in elsewhere)
    return {name: _query_parameter(field) for name, field in _leaves(fields)}


def _short(variable: str) -> str:
    """A variable as documents name it: `tuned_model.name` is `name`."""
    return schema.json_name(variable.rpartition(".")[2])


def _template_variable(found: re.Match[str]) -> str:
    """A URI template's variable: with `+` if it is more than any one segment."""
    return f"{{{_short(found[1])}}}" if found[2] in {None, "*"} else f"{{+{_short(found[1])}}}"


def _flat(name: str, rule: str) -> str:
    """A rule with a variable for each `*`, named by the collection before it."""
    segments = rule.split("/")
    if segments == ["*"]:
        return f"{{{_short(name)}}}"
    named = zip(["", *segments], segments, strict=False)
    return "/".join(f"{{{before}Id}}" if segment in {"*", "**"} else segment for before, segment in named)


def _path_parameter(rule: str) -> Json:
    parameter: Json = {"location": "path", "required": True, "type": "string"}
    if rule != "*":
        pattern = rule.replace("**", "\0").replace("*", "[^/]+").replace("\0", ".*")
        parameter["pattern"] = f"^{pattern}$"
    return parameter


def _leaves(fields: Iterable[Field], prefix: str = "", above: tuple[str, ...] = ()) -> Iterator[tuple[str, Field]]:
    """The fields a query can hold: those with a value of one word, at any depth, by dotted name."""
    for field in fields:
        name = prefix + field.json_name
        if field.kind is not FieldType.MESSAGE or scalar(field):
            yield name, field
        elif not field.repeated and field.type_name not in above and not field.type_name.startswith("google.protobuf."):
            yield from _leaves(schema.message(field.type_name).fields, f"{name}.", (*above, field.type_name))


def _query_parameter(field: Field) -> Json:
    parameter = {"location": "query", **scalar(field)}
    return parameter | {"repeated": True} if field.repeated else parameter


def _text(description: str, **more: Any) -> Json:
    return {"description": description, "location": "query", "type": "string", **more}


# Word for word as in every document of 2024-2026.
PARAMETERS: Json = {
    "$.xgafv": _text("V1 error format.", enum=["1", "2"], enumDescriptions=["v1 error format", "v2 error format"]),
    "access_token": _text("OAuth access token."),
    "alt": _text(
        "Data format for response.",
        default="json",
        enum=["json", "media", "proto"],
        enumDescriptions=[
            "Responses with Content-Type of application/json",
            "Media download with context-dependent Content-Type",
            "Responses with Content-Type of application/x-protobuf",
        ],
    ),
    "callback": _text("JSONP"),
    "fields": _text("Selector specifying which fields to include in a partial response."),
    "key": _text(
        "API key. Your API key identifies your project and provides you with API access, quota, and reports. "
        "Required unless you provide an OAuth 2.0 token."
    ),
    "oauth_token": _text("OAuth 2.0 token for the current user."),
    "prettyPrint": _text("Returns response with indentations and line breaks.", default="true", type="boolean"),
    "quotaUser": _text(
        "Available to use for quota purposes for server-side applications. Can be any arbitrary string assigned "
        "to a user, but should not exceed 40 characters."
    ),
    "uploadType": _text('Legacy upload protocol for media (e.g. "media", "multipart").'),
    "upload_protocol": _text('Upload protocol for media (e.g. "raw", "multipart").'),
}
