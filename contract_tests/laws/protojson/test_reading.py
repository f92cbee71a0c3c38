"""Laws of binding a body: spellings, duplicates, nulls, the fast path and the exact one."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contract_tests.laws.protojson.shapes import BETA, SHAPES, json_values, shaped, spelled
from mockserver.limits import REPEATED_BYTES, REPEATED_REQUESTS
from mockserver.protojson import fast_reader, reading
from mockserver.protojson.memoized import MemoizedMessage
from mockserver.protojson.message_encoder import MAX_VIOLATIONS
from mockserver.protojson.reading import FORM, JSON, bind_tree, read_body, read_request
from mockserver.protojson.writing import write
from mockserver.rpc.errors import ApiError, Code

TUNED = f"{BETA}.TunedModel"
GENERATE = f"{BETA}.GenerateContentRequest"
PART = f"{BETA}.Part"
JOB = "google.cloud.aiplatform.v1.TuningJob"


def outcome(message: str, body: bytes) -> Any:
    """Return the bound message, as text so that NaN equals itself; or the error."""
    try:
        return repr(read_body(message, body))
    except ApiError as error:
        return error.code, error.message, error.details


def refused(message: str, body: str, body_field: str = "*") -> str:
    """The message of the error."""
    with pytest.raises(ApiError) as caught:
        read_body(message, body.encode(), body_field=body_field)
    return caught.value.message


@given(shaped)
def test_the_fast_path_and_the_exact_one_agree(shape: tuple[str, Any]) -> None:
    """The same JSON behind a vertical tab, which only the exact reader takes for space, binds the same."""
    message, tree = shape
    body = json.dumps(tree).encode()

    assert outcome(message, body) == outcome(message, b"\v" + body)


@st.composite
def scribbled(draw: st.DrawFn, text: str) -> str:
    """A JSON text with some characters put in, most of them commas where a list or an object ends."""
    ends = [place for place, character in enumerate(text) if character in "]}"]
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.sampled_from(ends) | st.integers(0, len(text)))
        text = (
            text[:place]
            + draw(st.sampled_from([",", ",", ", ", ",\n", "]", "{", '"', "\\", "'", ":", "1"]))
            + text[place:]
        )
    return text


@given(shaped.flatmap(lambda shape: st.tuples(st.just(shape[0]), scribbled(json.dumps(shape[1])))))
@example((f"{BETA}.TunedModel", '{"display_name": ",}",}'))
@example((f"{BETA}.TunedModel", '{"reader_project_numbers": [1, 2,], }'))
@example((f"{BETA}.TunedModel", "{,}"))
@example((f"{BETA}.TunedModel", '{"reader_project_numbers": [,]}'))
@example((f"{BETA}.TunedModel", '{"reader_project_numbers": [1,,]}'))
@example((f"{BETA}.TunedModel", '{"display_name": "\\",}'))
@example((f"{BETA}.TunedModel", '{"display_name": "\\\\",}'))
@example((f"{BETA}.TunedModel", '{"display_name": "\\\\\\",}",}'))
@example((f"{BETA}.TunedModel", '{"display_name": "\x00",}'))
@example((f"{BETA}.TunedModel", '{"display_name": "a",\x01}'))
@example((f"{BETA}.TunedModel", '{"display_name": "}", "tuning_task": {,},}'))
@example((f"{BETA}.TunedModel", '{"display_name": "", "tuning_task": { , }}'))
@example((f"{BETA}.TunedModel", '{"tuning_task": { },},'))
@example((f"{BETA}.TunedModel", '{"display_name": ",", "description": "],",}'))
@example((f"{BETA}.TunedModel", '{"display_name": "a" ,\n\t}'))
def test_what_the_fast_path_accepts_the_exact_one_accepts_too(written: tuple[str, str]) -> None:
    """For any change of a text, the fast path binds it as the exact one does, or falls back."""
    message, text = written
    try:
        result = repr(fast_reader.bind(message, fast_reader.loads(text.encode())))
    except fast_reader.Fallback:
        return

    assert outcome(message, b"\v" + text.encode()) == result


texts = st.dictionaries(
    st.sampled_from(["textInput", "textInput", "output", "output", "text_input", "input"]),
    st.text() | st.text() | st.none() | st.integers() | st.lists(st.text(), max_size=1),
    max_size=3,
)


@given(st.lists(texts | texts | st.none() | st.text(), max_size=4), st.integers(0, 20), st.integers(1, 20))
def test_objects_of_texts_bind_as_the_exact_reader_binds_them(examples: list[Any], same: int, times: int) -> None:
    """Whatever is among them: they are taken as they were parsed only if nothing has to be done."""
    body = json.dumps({"examples": (examples[:1] * same + examples) * times}).encode()

    assert outcome(f"{BETA}.TuningExamples", b"\v" + body) == outcome(f"{BETA}.TuningExamples", body)


@pytest.mark.parametrize("name", ["a", r"a,\"", r"a,}\"],"])
def test_trailing_commas_take_the_fast_path(name: str) -> None:
    """In lists and objects, with space around them; commas in strings stay."""
    text = f'{{"displayName": "{name}", "readerProjectNumbers": [1, 2,], "tuningTask": {{"hyperparameters": {{"batchSize": 4 , }} ,}},}}'

    assert {
        "displayName": name.replace("\\", ""),
        "readerProjectNumbers": [1, 2],
        "tuningTask": {"hyperparameters": {"batchSize": 4}},
    } == fast_reader.bind(TUNED, fast_reader.loads(text.encode()))


@given(shaped)
def test_a_tree_binds_as_its_text(shape: tuple[str, Any]) -> None:
    """A parsed tree is bound by the rules for a text."""
    message, tree = shape
    result: Any
    try:
        result = repr(bind_tree(message, tree))
    except ApiError as error:
        result = (error.code, error.message, error.details)

    assert outcome(message, json.dumps(tree).encode()) == result


@given(shaped)
def test_what_is_bound_can_be_written_and_read_back(shape: tuple[str, Any]) -> None:
    """The writer accepts every bound message, and its output binds to the same message."""
    message, tree = shape
    try:
        result = bind_tree(message, tree)
    except ApiError:
        return
    written = write(message, result)

    assert written == write(message, read_body(message, written))


@given(shaped)
def test_snake_and_camel_bind_alike(shape: tuple[str, Any]) -> None:
    """Proto names and JSON names say the same; only errors repeat the spelling they were sent."""
    message, tree = shape
    try:
        camel = repr(bind_tree(message, spelled(message, tree, "json_name")))
        snake = repr(bind_tree(message, spelled(message, tree, "name")))
    except ApiError:
        return

    assert camel == snake


@given(st.binary(max_size=60) | json_values.map(lambda tree: json.dumps(tree).encode()), st.sampled_from(SHAPES))
@example(b'{"contents":[{"":{"":[{"":1}]}}]}', GENERATE)
@example(b'{"details":[{"@type":"type.googleapis.com/../x","a":{}},{"@type":[]},{"@type":5}]}', "google.rpc.Status")
@example(b'{"createTime":{"seconds":"99999999999999","nanos":-1}}', TUNED)
def test_no_bytes_make_anything_but_an_api_error(body: bytes, message: str) -> None:
    """Any bytes bind or are INVALID_ARGUMENT."""
    result = outcome(message, body)

    assert isinstance(result, str) or result[0] is Code.INVALID_ARGUMENT


def test_what_serializers_write_takes_the_fast_path() -> None:
    """A plain body is never in doubt, a colon in a string included; an object with a key twice always is."""
    plain = b'{"displayName": "a: b", "tuningTask": {"hyperparameters": {"epochCount": 5}}}'

    assert {"displayName": "a: b", "tuningTask": {"hyperparameters": {"epochCount": 5}}} == fast_reader.bind(
        TUNED, fast_reader.loads(plain)
    )
    for body in (b'{"a": 1, "a": 2}', b'{"a": ":", "a": "\\u003a\\u003a"}', b'{"a": 1,,}', b'"\\u003a"'):
        with pytest.raises(fast_reader.Fallback):
            fast_reader.loads(body)


def test_values_are_natural_python() -> None:
    """Times and durations are nanoseconds, masks paths, bytes bytes, enums names, 64 bits an int."""
    job = b"""{"createTime": "1970-01-01T00:00:02.000000003Z", "state": 4, "labels": {"k": "v"},
        "supervisedTuningSpec": {"hyperParameters": {"epochCount": "4", "adapterSize": 99}},
        "error": {"code": 3, "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1.5s"}]}}"""

    assert {
        "createTime": 2_000_000_003,
        "state": "JOB_STATE_SUCCEEDED",
        "labels": {"k": "v"},
        "supervisedTuningSpec": {"hyperParameters": {"epochCount": 4, "adapterSize": 99}},
        "error": {
            "code": 3,
            "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": 1_500_000_000}],
        },
    } == read_body(JOB, job)
    assert {"inlineData": {"data": b"\xff\xfe"}} == read_body(PART, b'{"inlineData": {"data": "__4"}}')
    assert {"functionCall": {"args": {"a": [1.0, None]}}} == read_body(
        PART, b'{"functionCall":{"args":{"a":[1,null]}}}'
    )


@pytest.mark.parametrize(
    ("body", "result"),
    [
        ('{"displayName": "a", "display_name": "b"}', {"displayName": "b"}),
        ('{"displayName": "a", "displayName": null}', {"displayName": "a"}),
        (
            '{"tuningTask": {"hyperparameters": {"epochCount": 5}}, "tuningTask": {"hyperparameters": {"batchSize": 4}}}',
            {"tuningTask": {"hyperparameters": {"epochCount": 5, "batchSize": 4}}},
        ),
        (
            """{"tuningTask": {"hyperparameters": {"learningRate": 0.5}},
                "tuningTask": {"hyperparameters": {"learningRateMultiplier": 2}}}""",
            {"tuningTask": {"hyperparameters": {"learningRateMultiplier": 2.0}}},
        ),
        ('{"readerProjectNumbers": 1, "reader_project_numbers": [[2], 3]}', {"readerProjectNumbers": [1, 2, 3]}),
        ('{"createTime": {"seconds": 5}, "createTime": {"nanos": 6}}', {"createTime": 5_000_000_006}),
        ('{"createTime": "1970-01-01T00:00:09Z", "createTime": {"nanos": 6}}', {"createTime": 9_000_000_006}),
    ],
)
def test_the_same_field_twice_is_what_protobuf_makes_of_it(body: str, result: dict[str, Any]) -> None:
    """A scalar is replaced, a message merged, a list continued, another arm of a oneof pushes the first out."""
    assert result == read_body(TUNED, body.encode())


def test_two_maps_are_one_but_a_key_comes_once_in_each() -> None:
    """Entries of two occurrences meet in one map, the later winning; twice in one object is refused."""
    assert {"labels": {"a": "3", "b": "2"}} == read_body(JOB, b'{"labels":{"a":"1","b":"2"},"labels":{"a":"3"}}')
    assert {"response": {"a": {"x": 1.0}, "b": None}} == read_body(
        f"{BETA}.FunctionResponse", b'{"response":{"a":[0]},"response":{"a":{"x":1},"b":null}}'
    )
    assert "Repeated map key: 'a' is already set." in refused(JOB, '{"labels":{"a":"1","a":"1"}}')


@pytest.mark.parametrize("body", ['{"temperature": 1, "temperature": 1}', '{"topK": 1, "top_k": null, "top_k": 1}'])
def test_an_optional_field_comes_once(body: str) -> None:
    """An `optional` field is the only arm of a oneof of its own; null does not take it."""
    assert "is already set. Cannot set '" in refused(TUNED, body)


def test_null_is_as_if_nothing_was_said() -> None:
    """Nulls vanish, from lists too, but where null is a value it stays."""
    body = b'{"displayName": null, "tuningTask": null, "readerProjectNumbers": [null], "tunedModelSource": null, "baseModel": "m"}'

    assert {"baseModel": "m"} == read_body(TUNED, body)
    assert {"parametersJsonSchema": None} == read_body(f"{BETA}.FunctionDeclaration", b'{"parametersJsonSchema": null}')


def test_all_that_is_wrong_is_said_at_once() -> None:
    """One error lists everything, a line each and a violation each, in the order of the body."""
    with pytest.raises(ApiError) as caught:
        read_body(TUNED, b'{"x": 1, "topK": [], "state": "DONE", "tuningTask": {"y": {"z": {}}}}')

    violations = caught.value.details[0]["fieldViolations"]
    assert [None, None, "state", "tuning_task"] == [violation.get("field") for violation in violations]
    assert caught.value.message.split("\n") == [violation["description"] for violation in violations]


def test_books_that_disagree_are_read_as_the_cpp_reads_them() -> None:
    """A time that is refused because its oneof is set closes one level too many, as in 3.21; the rest is invalid."""
    message = refused(
        f"{BETA}.CachedContent",
        '{"expireTime": "2024-01-01T00:00:00Z", "ttl": "3s", "displayName": "x"}',
    )

    assert [
        "Invalid value (oneof), oneof field 'expiration' is already set. Cannot set 'ttl'",
        'Invalid JSON payload received. Unknown name "displayName": Root element must be a message.',
    ] == message.split("\n")


def test_errors_without_end_are_cut() -> None:
    """Megabytes of nonsense are answered by so many lines and not more."""
    assert MAX_VIOLATIONS == len(refused(TUNED, "{" + '"x":1,' * (MAX_VIOLATIONS + 5) + "}").split("\n"))


def test_a_tree_that_is_no_json_is_the_callers_mistake() -> None:
    """A value that is not JSON raises TypeError, not an error for users."""
    with pytest.raises(TypeError):
        bind_tree(TUNED, {"displayName": {1, 2}})


def test_a_small_request_that_comes_again_is_read_once() -> None:
    """From its second time on, unless it is larger, another one, must not be kept, or so many others came meanwhile."""

    def read(text: str, *, may_keep: bool = True, **path: str) -> Any:
        body = json.dumps({"displayName": text}).encode()
        return read_request(TUNED, body=body, body_field="*", path=path, query=[], may_keep=may_keep)

    read("a")
    first = read("a")

    assert {"displayName": "a"} == first
    assert type(first) is MemoizedMessage
    assert first is read("a")
    assert first is not read("a", may_keep=False)
    assert {"displayName": "a", "name": "b"} == read("a", name="b")
    longest = "x" * (REPEATED_BYTES - len('{"displayName": ""}'))
    assert type(read(longest)) is dict
    assert read(longest) is read(longest)
    assert {dict} == {type(read(f"{longest}x")) for _ in range(3)}
    for number in range(2 * REPEATED_REQUESTS):
        read(str(number // 2))
    assert first == read("a")
    assert first is not read("a")


@given(
    st.sampled_from([b"{}", b'{"topK": 1}', b"{1", b'{"x": 1}', b"name=a", b""]), st.sampled_from([JSON, FORM, None])
)
def test_a_request_is_read_the_second_time_as_the_first(body: bytes, content_type: str | None) -> None:
    """Also one that is refused, and by another type."""

    def read() -> Any:
        parts: Any = {
            "body": body,
            "body_field": "*",
            "path": {},
            "query": [],
            "content_type": content_type,
            "may_keep": True,
        }
        try:
            return dict(read_request(TUNED, **parts))
        except ApiError as error:
            return error.code, error.message

    first, second, third = read(), read(), read()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "REPEATED_BYTES", 0)

        assert first == second == third == read()
