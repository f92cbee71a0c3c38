"""The schema tables are complete and agree with Google's .proto files."""

import json
import subprocess
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract_tests.environment import ROOT, client_python
from mockserver.protojson import schema
from mockserver.protojson.schema import Enum, FieldType, HttpRule, Message

GL = "google.ai.generativelanguage.v1beta"
VERTEX = ("google.cloud.aiplatform.v1", "google.cloud.aiplatform.v1beta1")

packages = pytest.mark.parametrize("package", schema.packages())


def messages(package: str) -> Iterator[Message]:
    """Every message of the package."""
    return map(schema.message, schema.names(package)[0])


def enums(package: str) -> Iterator[Enum]:
    """Every enum of the package."""
    return map(schema.enum, schema.names(package)[1])


def numbers(message: str) -> dict[str, int]:
    """The JSON names of a message's fields, with their numbers, as they are written."""
    return {field.json_name: field.number for field in schema.message(message).fields}


def rules(package: str, rpc: str) -> tuple[HttpRule, ...]:
    """The HTTP rules of `Service.Method`."""
    (found,) = (each for each in schema.rpcs(package) if each.full_name == f"{package}.{rpc}")
    return found.http


@packages
def test_fields_come_in_the_order_of_their_numbers(package: str) -> None:
    """The real server writes members by ascending field number, and no number is used twice."""
    for message in messages(package):
        assert all(before.number < after.number for before, after in pairwise(message.fields)), message.full_name


@packages
def test_every_type_a_field_names_is_there(package: str) -> None:
    """The tables are closed: the type of every field can be looked up, and only messages and enums have type names."""
    for message in messages(package):
        for field in message.fields:
            match field.kind:
                case FieldType.MESSAGE:
                    assert schema.message(field.type_name).full_name == field.type_name
                case FieldType.ENUM:
                    assert schema.enum(field.type_name).full_name == field.type_name
                case _:
                    assert not field.type_name


@packages
def test_every_type_an_rpc_names_is_there(package: str) -> None:
    """Requests, responses, and the results and metadata of long-running operations are in the tables."""
    for rpc in schema.rpcs(package):
        for name in (rpc.request, rpc.response, rpc.lro_response, rpc.lro_metadata):
            if name is not None:
                assert name == schema.message(name).full_name


@packages
def test_a_long_running_rpc_says_what_its_operation_holds(package: str) -> None:
    """Response and metadata come together, and only with an Operation."""
    for rpc in schema.rpcs(package):
        assert (rpc.lro_response is None) == (rpc.lro_metadata is None)
        assert rpc.lro_response is None or rpc.response == "google.longrunning.Operation"


@packages
def test_every_variable_of_a_path_is_a_field_of_the_request(package: str) -> None:
    """`{tuned_model.name=tunedModels/*}` and the body's name lead to fields."""
    for rpc in schema.rpcs(package):
        for rule in rpc.http:
            for path in [*variables(rule.path), *([rule.body] if rule.body.strip("*") else [])]:
                message = rpc.request
                for name in path.split("."):
                    message = schema.message(message).by_name[name].type_name


def variables(path: str) -> Iterator[str]:
    """The field paths of a template's variables."""
    return (part.partition("}")[0].partition("=")[0] for part in path.split("{")[1:])


@packages
def test_a_field_answers_to_both_its_names(package: str) -> None:
    """`base_model` and `baseModel` are the same field, to every reader of Google's JSON."""
    for message in messages(package):
        for field in message.fields:
            assert field is message.by_name[field.name]
            assert field is message.by_name[field.json_name]


@packages
def test_an_optional_field_is_alone_in_a_oneof_of_its_own_name(package: str) -> None:
    """Protobuf makes `optional float top_p` an arm of a oneof called `_top_p`, and so do we."""
    for message in messages(package):
        for field in message.fields:
            assert field.optional == (field.oneof == f"_{field.name}")
            assert not field.repeated or field.oneof is None


@packages
def test_a_map_is_a_list_of_entries(package: str) -> None:
    """A map field is repeated, and its type has `key` as 1 and `value` as 2."""
    for message in messages(package):
        for field in message.fields:
            if field.map:
                assert field.repeated
                assert numbers(field.type_name) == {"key": 1, "value": 2}


@packages
def test_every_enum_has_a_zero(package: str) -> None:
    """Proto3 asks for it; the names of all numbers lead back to them."""
    for enum in enums(package):
        assert 0 in enum.by_number
        assert all(enum.by_name[name] == number for number, name in enum.by_number.items())


@packages
def test_a_table_has_the_name_of_its_package(package: str) -> None:
    """Types and rpcs are looked for in the table of the package that their name begins with."""
    full_names = [
        *schema.names(package)[0],
        *schema.names(package)[1],
        *(rpc.full_name for rpc in schema.rpcs(package)),
    ]

    assert [name for name in full_names if not name.startswith(f"{package}.")] == []


@pytest.mark.parametrize(
    "name", ["", "Nothing", "google.protobuf.Nothing", "no.such.Package", "../schema.X", f"{GL}.tuned"]
)
def test_an_unknown_name_is_a_key_error(name: str) -> None:
    """A missing message, enum or package raises KeyError."""
    for look_up in (schema.message, schema.enum, schema.rpcs):
        with pytest.raises(KeyError):
            look_up(name)


@given(st.from_regex(r"[a-z][a-z0-9]*(_[a-z][a-z0-9]*)*", fullmatch=True))
def test_a_json_name_has_the_letters_of_the_field_name(name: str) -> None:
    """Only underscores go, and only letters behind them are capitalised."""
    json_name = schema.json_name(name)

    assert name.replace("_", "") == json_name.lower()
    assert name.count("_") == sum(letter.isupper() for letter in json_name)


def test_tuned_model_is_numbered_as_real_answers_are_ordered() -> None:
    """Byte-verified against real answers: `baseModel` before `displayName`, the sampling parameters last."""
    assert numbers(f"{GL}.TunedModel") == {
        "name": 1,
        "tunedModelSource": 3,
        "baseModel": 4,
        "displayName": 5,
        "description": 6,
        "state": 7,
        "createTime": 8,
        "updateTime": 9,
        "tuningTask": 10,
        "temperature": 11,
        "topP": 12,
        "topK": 13,
        "readerProjectNumbers": 14,
    }


def test_tuning_task_behaves_as_the_proto_says() -> None:
    """Times and snapshots are the server's to say, training data is never given back."""
    fields = schema.message(f"{GL}.TuningTask").fields

    assert ["startTime", "completeTime", "snapshots"] == [field.json_name for field in fields if field.output_only]
    assert ["trainingData"] == [field.json_name for field in fields if field.input_only]
    assert ["trainingData"] == [field.json_name for field in fields if field.required]
    assert ["trainingData", "hyperparameters"] == [field.json_name for field in fields if field.immutable]


def test_hyperparameters_know_when_they_were_not_set() -> None:
    """Of the two ways to say a learning rate one can be set; all four have presence."""
    fields = schema.message(f"{GL}.Hyperparameters").fields

    assert [(field.json_name, field.number, field.oneof) for field in fields] == [
        ("epochCount", 14, "_epoch_count"),
        ("batchSize", 15, "_batch_size"),
        ("learningRate", 16, "learning_rate_option"),
        ("learningRateMultiplier", 17, "learning_rate_option"),
    ]
    assert all(field.has_presence for field in fields)


def test_presence_is_protobufs() -> None:
    """A oneof's arms, optional fields and single messages; neither plain scalars nor lists nor maps."""
    model, job = schema.message(f"{GL}.TunedModel").by_name, schema.message(f"{VERTEX[0]}.TuningJob").by_name

    assert model["base_model"].has_presence
    assert model["top_k"].has_presence
    assert model["create_time"].has_presence
    assert not model["display_name"].has_presence
    assert not model["reader_project_numbers"].has_presence
    assert not job["labels"].has_presence


@pytest.mark.parametrize(
    ("message", "name", "label"),
    [
        ("TunedModel", "top_k", "TYPE_INT32"),
        ("TunedModel", "reader_project_numbers", "TYPE_INT64"),
        ("TunedModel", "temperature", "TYPE_FLOAT"),
        ("TunedModel", "state", f"type.googleapis.com/{GL}.TunedModel.State"),
        ("TunedModel", "create_time", "type.googleapis.com/google.protobuf.Timestamp"),
    ],
)
def test_a_type_is_labelled_as_in_error_sentences(message: str, name: str, label: str) -> None:
    """`Invalid value at '...' (TYPE_INT32), "x"`: scalars by descriptor type, others by type URL."""
    assert label == schema.message(f"{GL}.{message}").by_name[name].type_label


@pytest.mark.parametrize("package", VERTEX)
def test_adapter_size_two_was_added_last(package: str) -> None:
    """The numbers do not follow the sizes: TWO came after THIRTY_TWO."""
    assert schema.enum(f"{package}.SupervisedHyperParameters.AdapterSize").by_number == {
        0: "ADAPTER_SIZE_UNSPECIFIED",
        1: "ADAPTER_SIZE_ONE",
        2: "ADAPTER_SIZE_FOUR",
        3: "ADAPTER_SIZE_EIGHT",
        4: "ADAPTER_SIZE_SIXTEEN",
        5: "ADAPTER_SIZE_THIRTY_TWO",
        6: "ADAPTER_SIZE_TWO",
    }


@pytest.mark.parametrize("package", VERTEX)
def test_a_job_is_tuned_in_one_way(package: str) -> None:
    """Every spec is an arm of `tuning_spec`; v1 has two of them, including those that only discovery has."""
    fields = schema.message(f"{package}.TuningJob").fields
    specs = [field for field in fields if field.name.endswith("_spec") and field.name != "encryption_spec"]

    assert {"tuning_spec"} == {field.oneof for field in specs}
    assert {"supervised_tuning_spec", "preference_optimization_spec"} <= {field.name for field in specs}
    assert len(specs) == (2 if package == VERTEX[0] else 9)


def test_v1_serves_tuned_models_but_does_not_keep_them() -> None:
    """Version 1 has no service for tuned models: it only generates with them."""
    paths = {rule.path for rpc in schema.rpcs("google.ai.generativelanguage.v1") for rule in rpc.http}

    assert {
        "/v1/{model=tunedModels/*}:generateContent",
        "/v1/{model=tunedModels/*}:streamGenerateContent",
        "/v1/{batch.model=tunedModels/*}:batchGenerateContent",
        "/v1/{batch.model=tunedModels/*}:asyncBatchEmbedContent",
    } == {path for path in paths if "tunedModels" in path}


def test_rpcs_have_their_http_rules() -> None:
    """Verb, template and body, one for each binding."""
    assert rules(GL, "ModelService.CreateTunedModel") == (HttpRule("POST", "/v1beta/tunedModels", "tuned_model"),)
    assert rules(GL, "ModelService.UpdateTunedModel") == (
        HttpRule("PATCH", "/v1beta/{tuned_model.name=tunedModels/*}", "tuned_model"),
    )
    assert rules(GL, "ModelService.DeleteTunedModel") == (HttpRule("DELETE", "/v1beta/{name=tunedModels/*}"),)
    assert rules(GL, "PermissionService.ListPermissions") == (
        HttpRule("GET", "/v1beta/{parent=tunedModels/*}/permissions"),
        HttpRule("GET", "/v1beta/{parent=corpora/*}/permissions"),
    )
    assert rules(VERTEX[0], "GenAiTuningService.CancelTuningJob") == (
        HttpRule("POST", "/v1/{name=projects/*/locations/*/tuningJobs/*}:cancel", "*"),
    )


def test_create_tuned_model_is_long_running() -> None:
    """The metadata and the result of its operation have the types of real operations."""
    (rpc,) = (rpc for rpc in schema.rpcs(GL) if rpc.full_name.endswith(".CreateTunedModel"))

    assert f"{GL}.TunedModel" == rpc.lro_response
    assert f"{GL}.CreateTunedModelMetadata" == rpc.lro_metadata


def test_streams_are_known() -> None:
    """Server-streaming methods have HTTP rules; bidirectional ones have none and need gRPC."""
    rpcs = schema.rpcs(GL)

    assert {"StreamGenerateContent"} == {
        rpc.full_name.rpartition(".")[2] for rpc in rpcs if rpc.server_streaming and rpc.http
    }
    assert {"BidiGenerateContent"} == {rpc.full_name.rpartition(".")[2] for rpc in rpcs if rpc.client_streaming}
    assert [] == [rpc for rpc in rpcs if rpc.client_streaming and rpc.http]


@pytest.mark.parametrize("version", ["v1", "v1beta", "v1main"])
def test_a_batch_is_ordered_as_recorded(version: str) -> None:
    """No proto is published of it: the order is that of real operations, finished ones among them."""
    recorded = [
        "model",
        "displayName",
        "inputConfig",
        "output",
        "createTime",
        "endTime",
        "updateTime",
        "batchStats",
        "state",
        "name",
    ]
    batch = numbers(f"google.ai.generativelanguage.{version}.GenerateContentBatch")

    assert recorded == [name for name in batch if name in recorded]


def test_examples_may_have_many_turns() -> None:
    """`multiturnExamples` is in discovery, but not in the published v1beta."""
    field = schema.message(f"{GL}.TuningExamples").by_name["multiturnExamples"]

    assert (2, True, f"{GL}.TuningMultiturnExample") == (field.number, field.repeated, field.type_name)


def test_a_table_says_what_it_was_made_from() -> None:
    """The versions of Google's packages stand in the table's head."""
    table = json.loads((schema.TABLES / f"{VERTEX[0]}.json").read_bytes())

    assert ["google-cloud-aiplatform", "google-api-python-client"] == [source.split()[0] for source in table["sources"]]


def test_tables_are_what_the_installed_packages_say() -> None:
    """A new field is a regenerated table, not an edit."""
    python = client_python("google")
    check = subprocess.run(
        [python, ROOT / "scripts" / "generate_schema.py", "--check"], capture_output=True, text=True, check=False
    )

    assert (0, "") == (check.returncode, check.stderr), check.stdout
