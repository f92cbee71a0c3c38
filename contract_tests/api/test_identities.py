"""Laws of any resource: what was written is read, either spelling will do, and pages are a list."""

from ctypes import c_float
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract_tests.api.aiplatform import Vertex
from contract_tests.api.everything import Example, examples, fork
from contract_tests.api.generativelanguage import Gemini
from contract_tests.effort import effort
from contract_tests.harvest import method_of
from contract_tests.laws.protojson.shapes import messages, spelled
from contract_tests.targets import in_process
from mockserver.dispatch.routing import Route
from mockserver.inspection.services import route_table
from mockserver.protojson import schema

Json = dict[str, Any]

WITH_BODY = st.deferred(lambda: st.sampled_from([example for example in examples() if example.route.body]))

SINGLE = st.floats(0, 1, width=32)
WORD = st.text("abcdefghijklmnopqrstuvwxyz0123456789_-", max_size=10)
LABELS = st.dictionaries(st.from_regex("[a-z][a-z0-9_-]{0,9}", fullmatch=True), WORD, max_size=3)


def is_list(route: Route) -> bool:
    """Whether the method answers page by page."""
    asked, answered = schema.message(route.request).by_name, schema.message(route.response).by_name
    return "page_size" in asked and "next_page_token" in answered and not route.lenient


LISTS = sorted({method_of(route) for route in route_table().routes if is_list(route)})


@pytest.mark.parametrize("method", LISTS)
def test_pages_joined_equal_the_list(method: str) -> None:
    """Whatever the size of a page, in every version of every list."""
    for example in examples():
        if method_of(example.route) == method:
            with in_process(fork()) as client:
                whole = [*pages(client, example, 1000)]
                assert [*pages(client, example, 1)] == [*pages(client, example, 2)] == whole


def pages(client: Any, example: Example, size: int) -> list[Json]:
    """The members of a list, asked for page by page."""
    found: list[Json] = []
    token = ""
    for _ in range(500):
        params = {"pageSize": str(size), **({"pageToken": token} if token else {})}
        answer = client.get(example.path, params=params, headers=example.headers)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        [members] = [value for value in body.values() if isinstance(value, list)] or [[]]
        assert len(members) <= size
        found += members
        token = body.get("nextPageToken", "")
        if not token:
            return found
    pytest.fail("a list without an end")


@given(example=WITH_BODY, data=st.data())
@effort(100)
def test_snake_and_camel_bind_alike(example: Example, data: st.DataObject) -> None:
    """The same request in either spelling, of names and of masks, has the same answer."""
    field = schema.message(example.route.request).by_name.get(example.route.body)
    name = field.type_name if field else example.route.request
    extra = data.draw(messages(name))
    camel, snake = [spelled(name, (example.body or {}) | extra, spelling) for spelling in ("json_name", "name")]
    answers = []
    for body in (camel, snake):
        with in_process(fork()) as client:
            answers.append(
                client.request(example.verb, example.path, params=example.params, json=body, headers=example.headers)
            )
    one, other = answers

    assert one.status_code == other.status_code
    assert one.status_code >= 400 or one.content == other.content


@given(
    texts=st.fixed_dictionaries(
        {}, optional={"displayName": st.text(min_size=1, max_size=40), "description": st.text()}
    ),
    sampling=st.fixed_dictionaries({}, optional={"temperature": SINGLE, "topP": SINGLE, "topK": st.integers(1, 40)}),
    readers=st.lists(st.integers(1, 2**62), max_size=3, unique=True),
)
@effort(50)
def test_what_is_written_of_a_tuned_model_is_read(texts: Json, sampling: Json, readers: list[int]) -> None:
    """Created or patched, in the values JSON has for them; what is empty is absent."""
    members = texts | sampling | {"readerProjectNumbers": readers}
    expected = {name: value for name, value in members.items() if value not in ("", [])}
    if readers:
        expected["readerProjectNumbers"] = [str(number) for number in readers]
    with in_process(fork()) as client:
        gemini = Gemini(client)
        gemini.tune(id="written", **{"displayName": None, **members})
        created = gemini.get("tunedModels/written")
        gemini.good("PATCH", "tunedModels/numbers", json=members, params={"updateMask": ",".join(members)})
        patched = gemini.get("tunedModels/numbers")

    assert single(expected) == single({name: created[name] for name in members if name in created})
    assert single(expected) == single({name: patched[name] for name in members if name in patched})


def single(shown: Json) -> Json:
    """The same with floats of 32 bits: JSON has no more digits of one than tell it from the next."""
    return {name: c_float(value).value if isinstance(value, float) else value for name, value in shown.items()}


@given(name=st.text(min_size=1, max_size=128), description=st.text(min_size=1), labels=LABELS)
@effort(50)
def test_what_is_written_of_a_job_or_an_endpoint_is_read(name: str, description: str, labels: Json) -> None:
    """The texts and labels of a job, an endpoint and a model."""
    with in_process(fork()) as client:
        vertex = Vertex(client)
        job = vertex.tune(tunedModelDisplayName=name, description=description, labels=labels)
        made = vertex.post("endpoints", {"displayName": name, "description": description, "labels": labels})["response"]
        shown = vertex.get(job["name"])
        endpoint = vertex.get(made["name"])

    assert (name, description, labels) == (
        shown["tunedModelDisplayName"],
        shown["description"],
        shown.get("labels", {}),
    )
    assert (name, description, labels) == (endpoint["displayName"], endpoint["description"], endpoint.get("labels", {}))
