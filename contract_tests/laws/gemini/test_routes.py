"""The Developer API's table of methods, held to Google's own HTTP rules."""

import re
from datetime import date

import pytest

from mockserver.dispatch.route_table import RouteTable
from mockserver.gemini.routes import HANDLERS, LENIENT, LENIENT_ROUTES, ROUTES, SINCE
from mockserver.gemini.service import SERVICE
from mockserver.protojson import schema

PACKAGE = "google.ai.generativelanguage"
SERVED = ("ModelService", "GenerativeService", "PermissionService")


def _is_elsewhere(path: str) -> bool:
    """Corpora, dynamic models, answers grounded in passages: not what this server is about."""
    return any(word in path for word in ("corpora/", "dynamic/", ":generateAnswer", ":updateGenerate", ":updateEmbed"))


@pytest.mark.parametrize("version", ["v1", "v1beta", "v1alpha", "v1beta3"])
def test_every_rule_is_served(version: str) -> None:
    """Every published HTTP rule of models, generation and permissions has its route, in its own words."""
    rules = {
        (rule.verb, rule.path)
        for rpc in schema.rpcs(f"{PACKAGE}.{version}")
        if rpc.full_name.split(".")[-2] in SERVED
        for rule in rpc.http
        if not _is_elsewhere(rule.path)
    }
    served = {(route.verb, route.path) for route in ROUTES}

    assert set() == rules - served


def test_every_line_of_the_tables_makes_routes() -> None:
    """A method id that no published rule leads to is a slip of the pen."""
    ids = {route.id for route in ROUTES}

    assert set() == HANDLERS.keys() - ids
    assert set() == SINCE.keys() - ids
    assert set(LENIENT) == {route.id for route in LENIENT_ROUTES}


def test_a_route_is_served_once() -> None:
    """No two routes have the same verb and path."""
    templates = [route.template for route in (*ROUTES, *LENIENT_ROUTES)]

    assert len(set(templates)) == len(templates)


def test_routes_know_their_messages() -> None:
    """Request and response of every route are in the schema."""
    for route in (*ROUTES, *LENIENT_ROUTES):
        assert schema.message(route.request).full_name == route.request
        assert schema.message(route.response).full_name == route.response


def test_handlers_are_named_after_their_rpcs() -> None:
    """`ListTunedModels` is answered by `list_tuned_models`; operations under `batches/` are batches."""
    for route in ROUTES:
        words = re.sub(r"(?<!^)(?=[A-Z])", "_", route.rpc.rpartition(".")[2]).lower()
        if route.id.startswith("batches."):
            words = words.replace("operations", "batches").replace("operation", "batch")

        assert words == route.handler.__name__, route.id


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("POST", "/v1/tunedModels"),
        ("GET", "/v1/tunedModels/a"),
        ("GET", "/v1/tunedModels/a/permissions"),
        ("POST", "/v1beta/tunedModels/a/operations/b:cancel"),
        ("POST", "/v1beta/tunedModels/a:cancel"),
        ("POST", "/v1beta/tunedModels/a:countTokens"),
        ("POST", "/v1beta/tunedModels/a:embedContent"),
        ("DELETE", "/v1/tunedModels/a/operations/b"),
        ("POST", "/v1beta/models/tunedModels/a:generateContent"),
    ],
)
def test_what_never_was_is_not_served(verb: str, path: str) -> None:
    """Paths that clients try, and that the real service has not."""
    assert RouteTable([SERVICE]).match(verb, path) is None


@pytest.mark.parametrize(
    ("verb", "path", "before", "since"),
    [
        ("POST", "/v1beta/tunedModels/a:streamGenerateContent", date(2024, 9, 12), date(2024, 10, 31)),
        ("POST", "/v1/tunedModels/a:streamGenerateContent", date(2024, 9, 12), date(2024, 10, 31)),
        ("GET", "/v1beta/tunedModels/a/operations/b", date(2024, 7, 13), date(2024, 10, 31)),
        ("GET", "/v1beta/tunedModels/a/operations", date(2024, 7, 13), date(2024, 10, 31)),
        ("POST", "/v1beta/tunedModels/a:batchGenerateContent", date(2025, 7, 28), date(2025, 7, 29)),
        ("POST", "/v1beta/tunedModels/a:asyncBatchEmbedContent", date(2025, 8, 6), date(2025, 8, 7)),
    ],
)
def test_methods_have_their_day(verb: str, path: str, before: date, since: date) -> None:
    """As of a day there is what there was; without one there is everything."""
    table = RouteTable([SERVICE])

    assert table.match(verb, path, before) is None
    assert table.match(verb, path, since) is not None
    assert table.match(verb, path) is not None


def test_keys_came_late_to_tuned_models_and_never_to_permissions() -> None:
    """Until October 2024 tuned models took OAuth only; permissions do to this day [seen: June 2025]."""
    keys = {
        route.id: (route.takes_keys(date(2024, 5, 1)), route.takes_keys(date(2025, 5, 1)))
        for route in ROUTES
        if route.version == "v1beta"
    }

    assert (False, True) == keys["tunedModels.create"] == keys["tunedModels.operations.get"]
    assert (False, False) == keys["tunedModels.permissions.list"] == keys["tunedModels.transferOwnership"]
    assert (True, True) == keys["models.generateContent"] == keys["tunedModels.generateContent"]


def test_lenient_routes_are_what_v1_lacks() -> None:
    """Tuned models on v1, in the messages of v1beta, none of which v1 has itself."""
    assert {"v1"} == {route.version for route in LENIENT_ROUTES}
    assert {f"{PACKAGE}.v1beta.CreateTunedModelRequest"} == {
        route.request for route in LENIENT_ROUTES if route.id == "tunedModels.create"
    }
    assert set() == {route.template for route in LENIENT_ROUTES} & {route.template for route in ROUTES}
