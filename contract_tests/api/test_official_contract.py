"""Routes are Google's: every published rule is served or listed with a reason, and nothing is made up in silence."""

import json
import re
from functools import cache
from pathlib import Path

import pytest

from contract_tests.environment import client_python
from contract_tests.official import (
    GEMINI,
    VERTEX,
    Rule,
    differences,
    discovered,
    mixed_in,
    published,
    served,
    shape,
)
from mockserver.dispatch.diagnostics import diagnose_rpc
from mockserver.inspection.services import route_table
from mockserver.protojson import schema
from mockserver.state.world import Settings

RECORDED = ("20240411", "20240713", "20241031", "20260325")

# What a discovery document of Vertex AI has of ours; the rest of its 1600 methods belongs to services without a route.
COLLECTIONS = ("tuningJobs.", "models.", "endpoints.", "publishers.", "operations.")


@pytest.fixture(scope="module")
def packages() -> Path:
    """Where Google's generated clients are installed."""
    return next(client_python("google").parent.parent.glob("lib/*/site-packages"))


@cache
def ours() -> frozenset[Rule]:
    """Every rule we serve."""
    return frozenset(served(route_table().routes))


@cache
def shapes() -> frozenset[tuple[str, str, str]]:
    """Every verb and path we serve."""
    return frozenset(rule.shape for rule in ours())


def unexplained(rules: set[Rule]) -> list[str]:
    """Those that no difference covers."""
    listed = differences()
    return sorted(str(rule) for rule in rules if not any(difference.covers(rule) for difference in listed))


@pytest.fixture(scope="module")
def mixed(packages: Path) -> frozenset[Rule]:
    """What every service has beside its own."""
    return frozenset(mixed_in(packages))


@cache
def shipped(packages: Path) -> frozenset[Rule]:
    """The rules of both documents of Vertex AI."""
    folder = packages / "googleapiclient" / "discovery_cache" / "documents"
    return frozenset(
        rule
        for version in ("v1", "v1beta1")
        for rule in discovered(json.loads((folder / f"aiplatform.{version}.json").read_text()))
    )


@cache
def recorded(transcripts: Path) -> frozenset[Rule]:
    """The rules of the Developer API's own documents of four days."""
    return frozenset(
        rule
        for day in RECORDED
        for rule in discovered(json.loads((transcripts / f"gemini-discovery-v1beta-{day}.json").read_text()))
    )


def test_published_rules_are_served_as_they_stand_or_listed() -> None:
    """Verb, path and body of every binding of every rpc, in every version."""
    missing = {rule for rule in published() if rule.shape not in shapes()}
    bodies = {rule.shape: rule.body for rule in ours() if "Operations." not in rule.method}
    wrong = [str(rule) for rule in published() if rule.shape in bodies and bodies[rule.shape] != rule.body]

    assert [] == unexplained(missing)
    assert [] == wrong


def test_variables_of_a_path_are_named_as_in_the_published_rule() -> None:
    """A rule is quoted, not paraphrased: the name of a variable says which field it fills."""
    paths = {rule.shape: set[str]() for rule in published()}
    for rule in published():
        paths[rule.shape].add(rule.path)

    assert [] == sorted(str(rule) for rule in ours() if rule.shape in paths and rule.path not in paths[rule.shape])


def test_methods_every_service_has_are_served_or_listed(mixed: frozenset[Rule]) -> None:
    """Operations, IAM policies and locations, as Google's generated clients call them."""
    missing = {rule for rule in mixed if rule.shape not in shapes()}

    assert [] == unexplained(missing)


@pytest.mark.parametrize("day", RECORDED)
def test_methods_of_the_recorded_documents_are_served_or_listed(transcripts: Path, day: str) -> None:
    """The Developer API as its own discovery document described it on four days."""
    document = json.loads((transcripts / f"gemini-discovery-v1beta-{day}.json").read_text())
    missing = {rule for rule in discovered(document) if rule.shape not in shapes()}

    assert [] == unexplained(missing)


def test_methods_of_the_shipped_documents_are_served_or_listed(packages: Path) -> None:
    """Vertex AI as the discovery client knows it, in the collections we have something of."""
    missing = {
        rule
        for rule in shipped(packages)
        if rule.shape not in shapes() and rule.method.removeprefix("projects.locations.").startswith(COLLECTIONS)
    }

    assert [] == unexplained(missing)


def test_what_is_served_is_official_or_has_its_reason(packages: Path, mixed: frozenset[Rule]) -> None:
    """A route without a published rule says why it is there, and no reason is left that no such route needs."""
    official = {rule.shape for rule in (*published(), *mixed, *shipped(packages))}
    beyond = [route for route in route_table().routes if next(served([route])).shape not in official]

    assert [] == [route.template for route in beyond if not route.unpublished]
    assert {route.unpublished for route in route_table().routes} - {""} == {route.unpublished for route in beyond}


def test_no_listed_difference_has_gone(packages: Path, mixed: frozenset[Rule], transcripts: Path) -> None:
    """A difference that covers nothing any more is taken off the list."""
    rules = {*published(), *mixed, *shipped(packages), *recorded(transcripts)}
    missing = {rule for rule in rules if rule.shape not in shapes()}
    gone = [
        f"{difference.what}: {one.methods} {one.paths}"
        for difference in differences()
        for one in difference.single()
        if not any(map(one.covers, missing))
    ]

    assert [] == gone


def test_methods_have_the_ids_of_the_discovery_documents(packages: Path, transcripts: Path) -> None:
    """An id is made of the rule, and it is the one that Google's documents give to that rule."""
    ids: dict[tuple[str, str, str], set[str]] = {}
    for rule in (*shipped(packages), *recorded(transcripts)):
        ids.setdefault(rule.shape, set()).add(rule.method)
    routes = [(route, next(served([route])).shape) for route in route_table().routes]
    described = [(route, shape) for route, shape in routes if shape in ids]

    assert len(described) > len(routes) / 2
    assert [] == [(route.template, route.id) for route, shape in described if route.id not in ids[shape]]


def test_messages_of_a_route_are_those_of_its_rpc() -> None:
    """What a route takes and answers is what the proto says of the method it names."""
    rpcs = {rpc.full_name: rpc for package in schema.packages() for rpc in schema.rpcs(package)}
    wrong = [
        route.template
        for route in route_table().routes
        if (route.request, route.response, route.stream)
        != (rpcs[route.rpc].request, rpcs[route.rpc].response, rpcs[route.rpc].server_streaming)
    ]

    assert [] == wrong


def test_a_shape_forgets_the_names_of_variables() -> None:
    """Two spellings of one rule are one."""
    assert "/v1/tunedModels/{}/operations/{}" == shape("/v1/{name=tunedModels/*/operations/*}")
    assert "/v1/operations/{}" == shape("/v1/{name=operations/**}")
    assert "/v1/x/{}" == shape("/v1/x/{id}")


def test_every_rpc_of_googles_clients_is_explained(packages: Path) -> None:
    """Each is served, left out on purpose, or a method of another version or service."""
    table, unexplained = route_table(), []
    for service, pattern in ((GEMINI, "google/ai/generativelanguage_v1*"), (VERTEX, "google/cloud/aiplatform_v1*")):
        files = [*packages.glob(f"{pattern}/services/*/transports/grpc.py")]
        assert files
        for file in files:
            for rpc in re.findall(rf'"/(google[\w.]*\.{service}\.[\w.]+/\w+)"', file.read_text(encoding="utf-8")):
                said = diagnose_rpc(table, rpc.replace("/", "."), Settings(), f"{service}.googleapis.com")
                if said == "no method has a name like it":
                    unexplained.append(rpc)

    assert [] == unexplained
