"""Method ids and published HTTP rules."""

import pytest

from mockserver.dispatch.http_rules import method_id, operations_rpc, parse_template, published_rules
from mockserver.protojson.schema import HttpRule


@pytest.mark.parametrize(
    ("expected", "template"),
    [
        ("tunedModels.create", "POST /v1beta/tunedModels"),
        ("tunedModels.list", "GET /v1beta/tunedModels"),
        ("tunedModels.get", "GET /v1beta/{name=tunedModels/*}"),
        ("tunedModels.patch", "PATCH /v1beta/{tuned_model.name=tunedModels/*}"),
        ("tunedModels.permissions.list", "GET /v1beta/{parent=tunedModels/*}/permissions"),
        ("tunedModels.transferOwnership", "POST /v1beta/{name=tunedModels/*}:transferOwnership"),
        (
            "projects.locations.tuningJobs.rebaseTunedModel",
            "POST /v1/{parent=projects/*/locations/*}/tuningJobs:rebaseTunedModel",
        ),
        ("projects.locations.models.listVersions", "GET /v1/{name=projects/*/locations/*/models/*}:listVersions"),
        ("operations.list", "GET /v1/{name=operations}"),
        ("operations.delete", "DELETE /v1/{name=operations/**}"),
    ],
)
def test_a_method_is_named_by_its_collections_and_its_verb(expected: str, template: str) -> None:
    """As Google's discovery documents name it."""
    assert expected == method_id(parse_template(template, "v1"))


def test_every_binding_of_an_rpc_is_a_method() -> None:
    """`GenerateContent` is one rpc, and a method of each collection that it is bound to, in each version."""
    packages = ["google.cloud.aiplatform.v1", "google.cloud.aiplatform.v1beta1"]
    collections = ("projects.locations.endpoints", "projects.locations.publishers.models", "endpoints")
    rules = {name: list(published_rules(f"{name}.generateContent", packages)) for name in collections}

    assert dict.fromkeys(collections, 2) == {name: len(found) for name, found in rules.items()}
    assert {"GenerateContent"} == {rpc.full_name.rpartition(".")[2] for found in rules.values() for rpc, _ in found}


def test_a_package_without_the_method_has_no_rule_of_it() -> None:
    """So the versions of a method are those whose packages have it."""
    assert [] == list(published_rules("tunedModels.create", ["google.ai.generativelanguage.v1"]))
    assert [] == list(published_rules("no.such.method", ["google.ai.generativelanguage.v1beta"]))


def test_operations_have_their_rpc() -> None:
    """`Operations` is published on paths of its own, and served on those of every host."""
    assert (
        HttpRule("POST", "/ui/{name=tuningJobs/*/operations/*}:wait"),
        "google.longrunning.Operations.WaitOperation",
    ) == (
        rule := parse_template("POST /{version}/{name=tuningJobs/*/operations/*}:wait", "ui"),
        operations_rpc(rule).full_name,
    )
