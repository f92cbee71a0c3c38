"""Vertex AI's table of methods, held to Google's own HTTP rules."""

import re

import pytest

from mockserver.dispatch.route_table import RouteTable
from mockserver.protojson import schema
from mockserver.vertex.routes import HANDLERS, READS_DATASETS, ROUTES
from mockserver.vertex.service import SERVICE

PACKAGE = "google.cloud.aiplatform"


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_every_rule_of_tuning_is_served(version: str) -> None:
    """Every published HTTP rule of tuning jobs has its route, in its own words."""
    rules = {
        (rule.verb, rule.path)
        for rpc in schema.rpcs(f"{PACKAGE}.{version}")
        if ".GenAiTuningService." in rpc.full_name
        for rule in rpc.http
    }

    assert set() == rules - {(route.verb, route.path) for route in ROUTES}


def test_every_line_of_the_tables_makes_routes() -> None:
    """A method id that no published rule leads to is a slip of the pen."""
    ids = {route.id for route in ROUTES}

    assert set() == HANDLERS.keys() - ids
    assert set() == READS_DATASETS - ids
    assert {route.id for route in ROUTES if route.blocks} == READS_DATASETS


def test_a_route_is_served_once() -> None:
    """No two routes have the same verb and path."""
    templates = [route.template for route in ROUTES]

    assert len(set(templates)) == len(templates)


def test_routes_know_their_messages() -> None:
    """Request and response of every route are in the schema."""
    for route in ROUTES:
        assert schema.message(route.request).full_name == route.request
        assert schema.message(route.response).full_name == route.response


def test_handlers_are_named_after_their_rpcs() -> None:
    """`ListModelVersions` is answered by `list_model_versions`, unless it is there to be refused."""
    for route in ROUTES:
        words = re.sub(r"(?<!^)(?=[A-Z])", "_", route.rpc.rpartition(".")[2]).lower()
        name = route.handler.__name__

        assert name == words or name.startswith("refuse_"), route.id


def test_a_project_decides_about_keys() -> None:
    """An API key is good for paths without a project; in a project the handler decides."""
    for route in ROUTES:
        assert ("own" if route.id.startswith("projects.") else "any") == route.credentials


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("GET", "/v1beta1/projects/p/locations/l/tuningJobs/1/operations"),
        ("GET", "/v1/publishers/google/models"),
        ("POST", "/v1/projects/p/locations/l/tuningJobs:optimizePrompt"),
        ("DELETE", "/v1/projects/p/locations/l/tuningJobs/1"),
        ("POST", "/v1/endpoints/1:rawPredict"),
        ("GET", "/ui/projects/p/locations/l/tuningJobs/1"),
    ],
)
def test_what_never_was_is_not_served(verb: str, path: str) -> None:
    """Paths that only the other version has, and paths that the real service has not."""
    assert RouteTable([SERVICE]).match(verb, path) is None
