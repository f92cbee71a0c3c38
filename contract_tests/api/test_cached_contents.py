"""cachedContents of both services: their lives, and what they add to a generate request."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import httpx
import pytest

from contract_tests.api.aiplatform import Vertex, turn
from contract_tests.api.generativelanguage import Gemini
from contract_tests.targets import Client
from mockserver.state.world import Settings

Json = dict[str, Any]

TEXT = "word " * 1100
CONTENT: Json = {"role": "user", "parts": [{"text": TEXT}]}
FLASH = "models/gemini-2.5-flash"
MODELS = {"gemini": FLASH, "vertex": f"projects/test/locations/us-central1/publishers/google/{FLASH}"}
GONE = {
    "gemini": (403, "CachedContent not found (or permission denied)"),
    "vertex": (404, "Cached content {id} is not found."),
}
UNREADABLE = GONE | {"vertex": (404, "Not found: cache content metadata {id}.")}
"""What is said of one that a generate request names."""


class Caches:
    """The cached contents of one service, seen by one client."""

    def __init__(self, client: Client, service: str) -> None:
        self.service = service
        self.surface = Gemini(client) if service == "gemini" else Vertex(client)
        self.clock = self.surface.clock

    def create(self, **members: Any) -> httpx.Response:
        """The answer to a create of a large enough one."""
        body = {"model": MODELS[self.service], "contents": [CONTENT], **members}
        return self.surface.ask("POST", "cachedContents", json=body)

    def created(self, **members: Any) -> Json:
        """A new one."""
        answer = self.create(**members)
        assert 200 == answer.status_code, answer.text
        resource: Json = answer.json()
        return resource

    def ask(self, verb: str, name: str, **options: Any) -> httpx.Response:
        """The answer of a method of one."""
        return self.surface.ask(verb, name, **options)

    def generate(self, name: str, model: str = FLASH, **members: Any) -> httpx.Response:
        """The answer to a prompt that uses one."""
        place = "" if self.service == "gemini" else "publishers/google/"
        body = turn("And now?") | {"cachedContent": name} | members
        return self.surface.ask("POST", f"{place}{model}:generateContent", json=body)

    def gone(self, name: str, sentences: Mapping[str, tuple[int, str]] = GONE) -> tuple[int, str]:
        """What is said of one that does not exist."""
        code, sentence = sentences[self.service]
        return code, sentence.format(id=name.rpartition("/")[2])


@pytest.fixture(params=["gemini", "vertex"])
def caches(request: pytest.FixtureRequest, client: Client) -> Caches:
    """The cached contents of each service."""
    return Caches(client, request.param)


def error(answer: httpx.Response) -> tuple[int, str]:
    """The status of an answer, and its sentence."""
    return answer.status_code, answer.json()["error"]["message"]


def test_it_exists_for_an_hour_unless_told_otherwise(caches: Caches) -> None:
    """Then every method says that it is gone."""
    short, long = caches.created(ttl="60s")["name"], caches.created()["name"]
    assert [long, short] == [each["name"] for each in caches.ask("GET", "cachedContents").json()["cachedContents"]]

    caches.clock.advance(61)

    assert caches.gone(short) == error(caches.ask("GET", short))
    assert caches.gone(short) == error(caches.ask("DELETE", short))
    assert [long] == [each["name"] for each in caches.ask("GET", "cachedContents").json()["cachedContents"]]
    caches.clock.advance(3600)
    assert {} == caches.ask("GET", "cachedContents").json()


def test_a_patch_moves_its_end_and_nothing_else(caches: Caches) -> None:
    """The whole resource is answered, with a new updateTime."""
    cached = caches.created(ttl="60s", displayName="prompts")
    caches.clock.advance(30)

    patched = caches.ask("PATCH", cached["name"], json={"ttl": "600s"}).json()

    assert cached.keys() == patched.keys()
    assert {"updateTime", "expireTime"} == {name for name in cached if cached[name] != patched[name]}
    caches.clock.advance(599)
    assert patched == caches.ask("GET", cached["name"]).json()
    assert (
        400
        == caches.ask(
            "PATCH", cached["name"], params={"updateMask": "displayName"}, json={"displayName": "x"}
        ).status_code
    )


def test_a_deleted_one_is_gone(caches: Caches) -> None:
    """Like one that never was."""
    name = caches.created()["name"]

    assert {} == caches.ask("DELETE", name).json()
    assert caches.gone(name) == error(caches.ask("GET", name))
    assert caches.gone(name, UNREADABLE) == error(caches.generate(name))


@pytest.mark.parametrize("settings", [Settings(seed=1, as_of=date(2026, 9, 1))])
def test_vertex_ai_has_another_sentence_in_2026(client: Client) -> None:
    """For a generate request; both were seen."""
    caches = Caches(client, "vertex")
    name = caches.created()["name"]
    caches.ask("DELETE", name)

    assert (404, f"Not found: cached content metadata for {name.rpartition('/')[2]}.") == error(caches.generate(name))


@pytest.mark.parametrize(("service", "code"), [("gemini", 400), ("vertex", 200)])
def test_an_empty_name_is_none_where_the_field_has_no_presence(client: Client, service: str, code: int) -> None:
    """`cached_content` is `optional` in the Developer API's proto only."""
    assert code == Caches(client, service).generate("").status_code


def test_a_prompt_comes_after_the_cached_contents(caches: Caches) -> None:
    """Its tokens are those of both; the usage says how many were cached."""
    cached = caches.created()

    usage = caches.generate(cached["name"]).json()["usageMetadata"]

    assert cached["usageMetadata"]["totalTokenCount"] == usage["cachedContentTokenCount"]
    assert usage["cachedContentTokenCount"] < usage["promptTokenCount"] < usage["cachedContentTokenCount"] + 10
    assert [{"modality": "TEXT", "tokenCount": usage["cachedContentTokenCount"]}] == usage["cacheTokensDetails"]


def test_cached_tools_are_called(caches: Caches) -> None:
    """Mode ANY in the cached toolConfig holds for later requests [seen 2026-09]."""
    tools = [{"functionDeclarations": [{"name": "read_file"}]}]
    name = caches.created(tools=tools, toolConfig={"functionCallingConfig": {"mode": "ANY"}})["name"]

    part = caches.generate(name).json()["candidates"][0]["content"]["parts"][0]

    assert "read_file" == part["functionCall"]["name"]


@pytest.mark.parametrize(
    "members",
    [
        {"systemInstruction": {"parts": [{"text": "Be brief."}]}},
        {"tools": [{"functionDeclarations": [{"name": "f"}]}]},
        {"model": "models/gemini-2.5-flash-lite"},
    ],
    ids=lambda members: next(iter(members)),
)
def test_what_is_cached_cannot_be_asked_for_again(caches: Caches, members: Json) -> None:
    """Instruction, tools and model are those of the cached content."""
    name = caches.created()["name"]

    assert 400 == caches.generate(name, **members).status_code
    assert 200 == caches.generate(name).status_code


@pytest.mark.parametrize(
    ("service", "sentence"),
    [
        ("gemini", "Cached content is too small. total_token_count=3, min_total_token_count=1024"),
        ("vertex", "The cached content is of 3 tokens. The minimum token count to start caching is 1024."),
    ],
)
def test_a_short_text_is_not_cached(client: Client, service: str, sentence: str) -> None:
    """Each service has a sentence of its own; of files the length is not known."""
    caches = Caches(client, service)
    short = {"role": "user", "parts": [{"text": "Tell me more"}]}
    uri = "gs://bucket/a.pdf" if service == "vertex" else "https://generativelanguage.googleapis.com/v1beta/files/a"
    file = {"role": "user", "parts": [{"fileData": {"fileUri": uri, "mimeType": "application/pdf"}}]}

    assert (400, sentence) == error(caches.create(contents=[short]))
    assert 200 == caches.create(contents=[file]).status_code


def test_an_expired_one_is_refused_by_vertex_in_other_words(client: Client) -> None:
    """400 that says so, where one that never was is 404."""
    caches = Caches(client, "vertex")
    name = caches.created(ttl="1s")["name"]
    caches.clock.advance(2)

    assert (400, f"Cache content {name.rpartition('/')[2]} is expired.") == error(caches.generate(name))


@pytest.mark.parametrize(
    ("service", "members", "code"),
    [
        ("gemini", {"model": "models/gemini-none"}, 404),
        ("gemini", {"model": "models/gemini-1.0-pro"}, 404),
        ("gemini", {"model": "gemini-2.5-flash"}, 400),
        ("gemini", {"contents": [{"parts": [{}]}]}, 400),
        ("gemini", {"contents": [{"parts": [{"fileData": {"fileUri": "gs://bucket/a.pdf"}}]}]}, 400),
        ("vertex", {"model": f"{MODELS['vertex']}-none"}, 404),
        ("vertex", {"model": ""}, 400),
        ("vertex", {"contents": [{"role": "user", "parts": []}]}, 400),
        ("gemini", {"ttl": "0s"}, 400),
        ("vertex", {"expireTime": "2020-01-01T00:00:00Z"}, 400),
    ],
)
def test_what_cannot_be_cached(client: Client, service: str, members: Json, code: int) -> None:
    """Unknown models, models that do not cache, contents without parts, an end in the past."""
    assert code == Caches(client, service).create(**members).status_code


@pytest.mark.parametrize("end", [{"ttl": "315576000000s"}, {"ttl": f"{8000 * 366 * 86400}s"}])
def test_none_outlives_the_last_year_that_can_be_told(caches: Caches, end: Json) -> None:
    """A longer time is refused, and nothing is stored or changed that could not be listed."""
    last = "9999-12-31T23:59:59.999999Z"
    names = [caches.created()["name"], caches.created(expireTime=last)["name"]]

    assert 400 == caches.create(**end).status_code
    assert 400 == caches.ask("PATCH", names[0], json=end).status_code
    listed = caches.ask("GET", "cachedContents").json()["cachedContents"]
    assert names == [each["name"] for each in listed[::-1]]
    assert last == listed[0]["expireTime"]


def test_a_cached_content_is_its_callers(client: Client) -> None:
    """On the Developer API nobody else sees it."""
    caches = Caches(client, "gemini")
    name = caches.created()["name"]
    bob = Gemini(client, email="bob@example.com")

    assert caches.gone(name) == error(bob.ask("GET", name))
    assert {} == bob.get("cachedContents")
