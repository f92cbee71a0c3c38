"""Laws of binding a URL: query parameters and path variables."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from mockserver.protojson.reading import FORM, JSON, read_request
from mockserver.rpc.errors import ApiError

BETA = "google.ai.generativelanguage.v1beta"
LIST = f"{BETA}.ListTunedModelsRequest"
UPDATE = f"{BETA}.UpdateTunedModelRequest"
CREATE = f"{BETA}.CreateTunedModelRequest"
GENERATE = f"{BETA}.GenerateContentRequest"
UPDATE_CACHED = f"{BETA}.UpdateCachedContentRequest"
LIST_JOBS = "google.cloud.aiplatform.v1.ListTuningJobsRequest"
TUNED_NAME = {"tuned_model.name": "tunedModels/fern"}


def bind(
    message: str,
    *query: tuple[str, str],
    body: bytes | None = None,
    body_field: str = "",
    path: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The request bound from those parts."""
    return read_request(message, body=body, body_field=body_field, path=path or {}, query=query)


def refused(message: str, *query: tuple[str, str], **parts: Any) -> Sequence[tuple[str | None, str]]:
    """Return the violations of the error; its message has the same sentences."""
    with pytest.raises(ApiError) as caught:
        bind(message, *query, **parts)
    violations = [(v.get("field"), v["description"]) for v in caught.value.details[0]["fieldViolations"]]
    assert caught.value.message == "\n".join(text for _, text in violations)
    return violations


def unknown(name: str, field: str) -> tuple[None, str]:
    """Return the violation for a parameter that names no field."""
    problem = f"Cannot bind query parameter. Field '{field}' could not be found in request message."
    return None, f'Invalid JSON payload received. Unknown name "{name}": {problem}'


def test_names_are_json_or_proto_names() -> None:
    """Both spellings bind; a dot leads into a message."""
    expected = {"pageSize": 7, "pageToken": "t"}

    assert expected == bind(LIST, ("pageSize", "7"), ("page_token", "t"))
    assert expected == bind(LIST, ("page_size", "+7"), ("pageToken", "t"))
    assert {"updateMask": ["display_name", "top_k"]} == bind(
        UPDATE, ("updateMask.paths", "display_name"), ("update_mask.paths", "top_k")
    )
    assert {"tunedModel": {"displayName": "x"}} == bind(UPDATE, ("tunedModel.display_name", "x"))


def test_of_repeats_every_one_is_read_and_the_last_wins() -> None:
    """A wrong repeat is refused though another would win; measured on Firestore."""
    assert {"pageSize": 2} == bind(LIST, ("pageSize", "1"), ("pageSize", "2"))
    assert [("page_size", "Invalid value at 'page_size' (TYPE_INT32), \"x\"")] == refused(
        LIST, ("pageSize", "x"), ("pageSize", "2")
    )


@pytest.mark.parametrize("text", ["abc", "1.5", "1e1", "", "2147483648", " 1"])
def test_a_number_is_digits(text: str) -> None:
    """A parameter for an int32 accepts what a string in a body may be; measured on Firestore."""
    assert [("page_size", f"Invalid value at 'page_size' (TYPE_INT32), \"{text}\"")] == refused(
        LIST, ("pageSize", text)
    )


@pytest.mark.parametrize(("text", "value"), [("true", True), ("T", True), ("YES", True), ("1", True), ("n", False)])
def test_a_bool_is_a_word(text: str, value: bool) -> None:
    """Protobuf's words are accepted in any case; an empty text is not one of them (measured on Firestore)."""
    name = "generationConfig.responseLogprobs"

    assert {"generationConfig": {"responseLogprobs": value}} == bind(GENERATE, (name, text))
    (violation,) = refused(GENERATE, (name, ""))
    assert violation[1] == "Invalid value at 'generation_config.response_logprobs' (TYPE_BOOL), \"\""


def test_a_time_names_its_field_in_proto_spelling() -> None:
    """The text of an illegal time names the field, recorded on Firestore as 'read_time'."""
    (violation,) = refused(UPDATE, ("tunedModel.createTime", "yesterday"))

    assert violation[1].endswith(
        "Field 'create_time', Illegal timestamp format; timestamps must end with 'Z' or have a valid timezone offset."
    )


def test_an_unknown_parameter_is_named_without_a_field() -> None:
    """The violation has no `field`; of a dotted name the segment that is not found is named [seen; measured]."""
    assert [unknown("foo", "foo")] == refused(LIST, ("foo", "1"))
    assert [unknown("foo.bar", "foo")] == refused(LIST, ("foo.bar", "1"))
    assert [unknown("pageSize.bar", "bar"), unknown("", "")] == refused(LIST, ("pageSize.bar", "1"), ("", "1"))


def test_a_message_cannot_be_said_in_a_parameter() -> None:
    """Only messages with a text form can: masks, times, wrappers [seen]."""
    ((field, sentence),) = refused(UPDATE, ("tunedModel", "x"))

    assert field is None
    assert sentence.endswith("'tunedModel' is a message type. Parameters can only be bound to primitive types.")
    assert {"updateMask": []} == bind(UPDATE, ("updateMask", ""))


def test_masks_are_paths_in_proto_spelling() -> None:
    """Whichever spelling they come in."""
    assert {"readMask": ["display_name", "tuned_model.name"]} == bind(
        "google.cloud.aiplatform.v1.ListModelsRequest", ("readMask", "displayName,tuned_model.name")
    )
    assert {"filter": "a=b&c"} == bind(LIST_JOBS, ("filter", "a=b&c"))


@pytest.mark.parametrize("body", [b'{"topK":3}', b'{"topK":3,}'])
def test_a_mask_said_twice_names_what_both_do(body: bytes) -> None:
    """A message that occurs twice is merged, by the fast and by the exact reader."""
    assert ["display_name", "top_k"] == bind(
        UPDATE, ("updateMask", "displayName"), ("updateMask", "topK"), body=body, body_field="tuned_model"
    )["updateMask"]


def test_parameters_are_bound_by_name() -> None:
    """Of two arms of a oneof the later one by name is refused, whatever the order in the URL (seen on Firestore)."""
    (violation,) = refused(
        UPDATE_CACHED, ("cachedContent.ttl", "3s"), ("cachedContent.expireTime", "2024-05-06T07:08:09Z")
    )

    assert violation[1].endswith("oneof field 'expiration' is already set. Cannot set 'ttl'")


@pytest.mark.parametrize(
    "body", [b'{"name": "tunedModels/moss", "topK": 3}', b'{"topK": 3, "name": "tunedModels/moss",}']
)
def test_the_path_wins_over_a_plain_field_of_the_body(body: bytes) -> None:
    """The URL names the resource."""
    assert {"tunedModel": {"name": "tunedModels/fern", "topK": 3}} == bind(
        UPDATE, body=body, body_field="tuned_model", path=TUNED_NAME
    )


@pytest.mark.parametrize("body", [b"", None, b"null", b"{}", b"\xef\xbb\xbf"])
def test_the_path_is_bound_whatever_the_body(body: bytes | None) -> None:
    """With an empty body, none, or null, the message has only what the URL binds."""
    assert {"tunedModel": {"name": "tunedModels/fern"}, "updateMask": ["top_k"]} == bind(
        UPDATE, ("updateMask", "topK"), body=body, body_field="tuned_model", path=TUNED_NAME
    )


def test_the_path_may_not_repeat_an_optional_field_of_the_body() -> None:
    """`name` of a CachedContent is optional, so body and path together take it twice [seen on PATCH]."""
    expected = "Invalid value at 'cached_content' (oneof), oneof field '_name' is already set. Cannot set 'name'"
    path = {"cached_content.name": "cachedContents/x"}

    assert [("cached_content", expected)] == refused(
        UPDATE_CACHED, body=b'{"name":"cachedContents/x"}', body_field="cached_content", path=path
    )
    assert {"cachedContent": {"name": "cachedContents/x"}} == bind(
        UPDATE_CACHED, body=b"{}", body_field="cached_content", path=path
    )


def test_url_and_body_are_wrong_together() -> None:
    """Names the URL cannot bind come first, then the body, then the URL's values."""
    violations = refused(
        UPDATE, ("updateMask", "a)"), ("x", "1"), body=b'{"topK":"many"}', body_field="tuned_model", path=TUNED_NAME
    )

    assert [None, "tuned_model.top_k", "update_mask"] == [field for field, _ in violations]


def test_a_form_is_bound_as_parameters() -> None:
    """The form that curl -d sends without -H is parsed as a query [seen], and so is a body without a content type."""
    body = b'{"contents":[{"parts":[{"text":"x"}]}]}'
    for content_type in (None, FORM, f"{FORM}; charset=utf-8", FORM.upper()):
        with pytest.raises(ApiError) as caught:
            read_request(GENERATE, body=body, body_field="*", path={}, query=(), content_type=content_type)

        assert unknown(body.decode(), body.decode())[1] == caught.value.message

    form = read_request(
        GENERATE,
        body=b"cached_content=c+d&model=m",
        body_field="*",
        path={"model": "models/p"},
        query=(),
        content_type=FORM,
    )
    assert {"cachedContent": "c d", "model": "models/p"} == form


@pytest.mark.parametrize("content_type", [JSON, f"{JSON}; charset=utf-8", "text/plain", ""])
def test_any_other_type_is_read_as_json(content_type: str) -> None:
    """JSON with any charset; other types were not seen, and are read as JSON too."""
    body = b'{"tools": [], "model": "models/q"}'

    assert {"model": "models/p"} == read_request(
        GENERATE, body=body, body_field="*", path={"model": "models/p"}, query=(), content_type=content_type
    )


def test_no_content_type_matters_not_without_a_body() -> None:
    """A GET has no content type."""
    assert {"pageSize": 5} == read_request(
        LIST, body=None, body_field="", path={}, query=[("pageSize", "5")], content_type=None
    )
    assert {} == read_request(CREATE, body=b"", body_field="tuned_model", path={}, query=(), content_type=None)
