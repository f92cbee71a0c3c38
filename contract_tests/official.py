"""What Google publishes of its HTTP rules, and what we say of the differences.

Rules come from four places: the protos behind our tables, the methods every service has beside its own (in the
transports of Google's generated clients), the discovery documents that ship with google-api-python-client, and those
of the Developer API that were recorded. `not_supported.json` of a service says what we do not serve, with the reasons.
What we serve without a published rule has its reason in the route.
"""

import ast
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from mockserver.dispatch.routing import Route
from mockserver.protojson import schema

Json = dict[str, Any]

GEMINI = "generativelanguage"
VERTEX = "aiplatform"
ROOMS = {GEMINI: "gemini", VERTEX: "vertex"}
PACKAGES = {
    "google.ai.generativelanguage": GEMINI,
    "google.cloud.aiplatform": VERTEX,
}

# Services every Google API may have beside its own, by the methods generated clients name.
MIXINS = {
    **dict.fromkeys(("Cancel", "Delete", "Get", "List", "Wait"), "Operations"),
    **dict.fromkeys(("GetIamPolicy", "SetIamPolicy", "TestIamPermissions"), "IAMPolicy"),
    **dict.fromkeys(("GetLocation", "ListLocations"), "Locations"),
}

_VARIABLE = re.compile(r"\{([^}=]*)(?:=([^}]*))?\}")


@dataclass(frozen=True, slots=True)
class Rule:
    """One way to call a method. `method` is "Service.Method", or a discovery id; a path of "" is gRPC alone."""

    service: str
    method: str
    verb: str = ""
    path: str = ""
    body: str | None = None

    @property
    def shape(self) -> tuple[str, str, str]:
        """Service, verb and path with nameless variables: what two rules of one call have in common."""
        return self.service, self.verb, shape(self.path)

    def __str__(self) -> str:
        return f"{self.service} {self.method}: {self.verb} {self.path}"


@dataclass(frozen=True, slots=True)
class Difference:
    """Published rules that we do not serve, by globs of their methods and paths, what they are for, and why."""

    service: str
    what: str
    reason: str
    methods: tuple[str, ...]
    paths: tuple[str, ...] = ("*",)

    def covers(self, rule: Rule) -> bool:
        """Whether the rule is one of them."""
        return (
            self.service == rule.service
            and any(fnmatchcase(rule.method, glob) for glob in self.methods)
            and any(fnmatchcase(shape(rule.path), glob) for glob in self.paths)
        )

    def single(self) -> Iterator["Difference"]:
        """The same, a glob at a time: each has to cover something."""
        yield from (replace(self, methods=(glob,)) for glob in self.methods)
        yield from (replace(self, paths=(glob,)) for glob in self.paths)


def shape(path: str) -> str:
    """A path with {} for each variable segment: "/v1/tunedModels/{}:generateContent"."""
    return _VARIABLE.sub(lambda found: re.sub(r"\*\*?", "{}", found[2] or "*"), path)


def differences() -> tuple[Difference, ...]:
    """What Google publishes and we do not serve."""
    return tuple(
        Difference(service, row["what"], row["reason"], tuple(row["methods"]), tuple(row.get("paths", ["*"])))
        for service in ROOMS
        for row in not_supported(service)
        if row["methods"]  # the others are not in any published rule
    )


def not_supported(service: str) -> list[Json]:
    """The rows of a service's `not_supported.json`."""
    path = Path(__file__).resolve().parent.parent / "mockserver" / ROOMS[service] / "not_supported.json"
    rows: list[Json] = json.loads(path.read_text(encoding="utf-8"))
    return rows


def published() -> Iterator[Rule]:
    """The rules of the protos, of every service there is a table of."""
    for package in schema.packages():
        service = PACKAGES.get(package.rpartition(".")[0])
        for rpc in schema.rpcs(package) if service else ():
            method = ".".join(rpc.full_name.split(".")[-2:])
            for rule in rpc.http:
                yield Rule(service or "", method, rule.verb, rule.path, rule.body)
            if not rpc.http:
                yield Rule(service or "", method)


def mixed_in(packages: Path) -> Iterator[Rule]:
    """What the generated clients in that site-packages folder know of operations, IAM policies and locations."""
    for service, folder in ((GEMINI, "google/ai/generativelanguage_v1*"), (VERTEX, "google/cloud/aiplatform_v1*")):
        for file in sorted(packages.glob(f"{folder}/services/*/transports/rest_base.py")):
            for method, rule in _http_options(ast.parse(file.read_text(encoding="utf-8"))):
                yield Rule(service, method, rule["method"].upper(), rule["uri"])


def _http_options(module: ast.Module) -> Iterator[tuple[str, Json]]:
    """The dictionaries with a `uri` in classes such as _BaseGetOperation."""
    for node in ast.walk(module):
        if not isinstance(node, ast.ClassDef):
            continue
        method = node.name.removeprefix("_Base")
        mixin = MIXINS.get(method) or MIXINS.get(re.sub("Operations?$", "", method))
        for leaf in ast.walk(node) if mixin else ():
            if isinstance(leaf, ast.Dict) and any(
                isinstance(key, ast.Constant) and key.value == "uri" for key in leaf.keys
            ):
                yield f"{mixin}.{method}", ast.literal_eval(leaf)


def discovered(document: Json) -> Iterator[Rule]:
    """The rules of a discovery document; methods by their ids without the service."""
    service = document["name"]
    for method in _methods(document):
        path = re.sub(r"\{[^}]*\}", "{}", method["flatPath"])
        yield Rule(service, method["id"].removeprefix(f"{service}."), method["httpMethod"], f"/{path}")


def _methods(resource: Json) -> Iterator[Json]:
    yield from resource.get("methods", {}).values()
    for child in resource.get("resources", {}).values():
        yield from _methods(child)


def served(routes: Iterable[Route]) -> Iterator[Rule]:
    """The rules of our own routes."""
    for route in routes:
        method = ".".join(route.rpc.split(".")[-2:])
        yield Rule(route.service.partition(".")[0], method, route.verb, route.path, route.body)
