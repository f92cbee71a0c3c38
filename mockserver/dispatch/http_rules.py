"""Google's published HTTP rules, by the ids that its discovery documents give to methods.

A rule stands in the table of its proto package as a `google.api.http` option. `additional_bindings` are rules like the
first: each has its own method id, so `GenerateContent` is `models.generateContent` and
`tunedModels.generateContent`.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache

from mockserver.protojson import schema
from mockserver.protojson.schema import HttpRule, Rpc

_STANDARD_METHODS = {"POST": "create", "PATCH": "patch", "PUT": "update", "DELETE": "delete"}


def published_rules(method: str, packages: Iterable[str]) -> Iterator[tuple[Rpc, HttpRule]]:
    """Yield every published rule of the method with its rpc, in the order of the packages."""
    for package in packages:
        yield from _rules_by_method(package).get(method, ())


@cache
def _rules_by_method(package: str) -> Mapping[str, list[tuple[Rpc, HttpRule]]]:
    rules: dict[str, list[tuple[Rpc, HttpRule]]] = {}
    for rpc in schema.rpcs(package):
        for rule in rpc.http:
            rules.setdefault(method_id(rule), []).append((rpc, rule))
    return rules


def method_id(rule: HttpRule) -> str:
    """Return the method id of a rule: its collections and its action.

    `GET /v1beta/{parent=tunedModels/*}/permissions` leads to `tunedModels.permissions.list`, and
    `POST /v1beta/{model=tunedModels/*}:generateContent` leads to `tunedModels.generateContent`.
    """
    path, _, action = rule.path.replace("}", "").partition(":")
    _, _, *segments = path.split("/")  # nothing, then the version
    names = [segment.rpartition("=")[2] for segment in segments]
    collections = [name for name in names if "*" not in name]
    if not action and rule.verb == "GET":
        action = "get" if "*" in names[-1] else "list"
    return ".".join([*collections, action or _STANDARD_METHODS[rule.verb]])


def parse_template(template: str, version: str, body: str = "") -> HttpRule:
    """Parse a template such as `GET /{version}/{name=tuningJobs/*}`, for that version."""
    verb, _, path = template.replace("{version}", version).partition(" ")
    return HttpRule(verb, path, body)


def operations_rpc(rule: HttpRule) -> Rpc:
    """Return the method of google.longrunning.Operations that a rule leads to."""
    verb = method_id(rule).rpartition(".")[2]
    name = "ListOperations" if verb == "list" else f"{verb.capitalize()}Operation"
    return schema.rpc(f"google.longrunning.Operations.{name}")
