"""Builds a discovery document from routes: methods by resource, their parameters, and the schemas they use.

Format and wording are those of Google's documents of 2024-2026, without descriptions, which the schema does not have.
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
    """Build the document of one version of a service.

    `root_url` ends in a slash; `revision` is a date like 20241031.
    """
    name, profile = service.name, service.discovery
    methods = {route.id: route for route in reversed(list(routes))}  # of several routes of one method, the first
    schemas = Schemas(short=profile.short_names)
    for route in methods.values():
        schemas.add(route.response)
        if route.body:
            schemas.add(_body_message(route), frozenset(_variables(route)) if route.body == "*" else frozenset())
    resources: Json = {}
    for id_, route in methods.items():
        _insert_method(resources, id_.split("."), describe_method(service, route, schemas))
    result: Json = {
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
        "schemas": schemas.to_json(),
        "servicePath": "",
        "title": service.title,
        "version": version,
        "version_module": True,
    }
    if scopes := profile.scopes:
        result["auth"] = {"oauth2": {"scopes": {scope: {"description": text} for scope, text in scopes.items()}}}
    return result


def _insert_method(document: Json, path: list[str], method: Json) -> None:
    """Insert a method below its resources: "tunedModels.permissions.list"."""
    *parents, name = path
    level = document
    for parent in parents:
        level = level.setdefault("resources", {}).setdefault(parent, {})
    level.setdefault("methods", {})[name] = method


def describe_method(service: Service, route: Route, schemas: Schemas) -> Json:
    """Describe a method: its path, parameters, request and response."""
    variables = _variables(route)
    method: Json = {
        "flatPath": _VARIABLE.sub(lambda match: _flat_path(match[1], match[2] or "*"), route.path).lstrip("/"),
        "httpMethod": route.verb,
        "id": f"{service.name}.{route.id}",
        "parameterOrder": [_short(name) for name in variables],
        "parameters": {_short(name): _path_parameter(rule) for name, rule in variables.items()} | _query(route),
        "path": _VARIABLE.sub(_template_variable, route.path).lstrip("/"),
        "response": schemas.reference(route.response),
    }
    if route.body:
        method["request"] = schemas.reference(_body_message(route))
    if scopes := service.discovery.scopes:
        method["scopes"] = list(scopes)
    return method


def _variables(route: Route) -> dict[str, str]:
    """Return the variables of the path with their rules."""
    return {match[1]: match[2] or "*" for match in _VARIABLE.finditer(route.path)}


def _body_message(route: Route) -> str:
    return route.request if route.body == "*" else schema.message(route.request).by_name[route.body].type_name


def _query(route: Route) -> Json:
    """Return the query parameters: the fields of the request that are in neither path nor body."""
    if route.body == "*":
        return {}
    elsewhere = {name.partition(".")[0] for name in _variables(route)} | {route.body}
    fields = (field for field in schema.message(route.request).fields if field.name not in elsewhere)
    return {name: _query_parameter(field) for name, field in _query_fields(fields)}


def _short(variable: str) -> str:
    """Return the name of a variable in documents: `tuned_model.name` is `name`."""
    return schema.json_name(variable.rpartition(".")[2])


def _template_variable(match: re.Match[str]) -> str:
    """Return a variable of a URI template, with `+` if it is not just one segment."""
    return f"{{{_short(match[1])}}}" if match[2] in {None, "*"} else f"{{+{_short(match[1])}}}"


def _flat_path(name: str, rule: str) -> str:
    """Return a rule with a variable for each `*`, named after the collection before it."""
    segments = rule.split("/")
    if segments == ["*"]:
        return f"{{{_short(name)}}}"
    pairs = zip(["", *segments], segments, strict=False)
    return "/".join(f"{{{before}Id}}" if segment in {"*", "**"} else segment for before, segment in pairs)


def _path_parameter(rule: str) -> Json:
    parameter: Json = {"location": "path", "required": True, "type": "string"}
    if rule != "*":
        pattern = rule.replace("**", "\0").replace("*", "[^/]+").replace("\0", ".*")
        parameter["pattern"] = f"^{pattern}$"
    return parameter


def _query_fields(
    fields: Iterable[Field], prefix: str = "", above: tuple[str, ...] = ()
) -> Iterator[tuple[str, Field]]:
    """Yield the fields that a query can hold: scalars at any depth, by dotted name."""
    for field in fields:
        name = prefix + field.json_name
        if field.kind is not FieldType.MESSAGE or scalar(field):
            yield name, field
        elif not field.repeated and field.type_name not in above and not field.type_name.startswith("google.protobuf."):
            yield from _query_fields(schema.message(field.type_name).fields, f"{name}.", (*above, field.type_name))


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
