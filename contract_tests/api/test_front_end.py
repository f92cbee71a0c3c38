"""The order of checks and the ways of the front end, whatever is asked."""

from datetime import UTC, date, datetime

import pytest

from contract_tests.targets import Client, in_process
from mockserver.state.clock import ManualClock
from mockserver.state.world import Settings, World

GEMINI = "/v1beta/models/gemini-2.0-flash"


def test_nobody_is_refused_before_anything_is_read(client: Client) -> None:
    """Without a credential a body that is no JSON is not even looked at."""
    del client.headers["x-goog-api-key"]

    answer = client.post("/v1beta/tunedModels", content="{", headers={"content-type": "application/json"})

    assert (403, 248) == (answer.status_code, len(answer.content))


def test_a_bad_alt_is_refused_before_the_credentials(client: Client) -> None:
    """System parameters come first."""
    del client.headers["x-goog-api-key"]

    answer = client.get("/v1beta/tunedModels?alt=zzz")

    assert answer.json()["error"]["message"] == "Invalid value \"zzz\" for query parameter 'alt'"


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("POST", "/v1/tunedModels"),
        ("POST", "/v1beta/tunedModels/x:cancel"),
        ("PUT", "/v1beta/tunedModels/x"),
        ("POST", "/v1beta/nothing"),
    ],
)
def test_what_has_no_route_is_an_empty_404_on_the_developer_api(client: Client, verb: str, path: str) -> None:
    """Seen by SDKs as a body they cannot parse."""
    answer = client.request(verb, path, json={})

    assert (404, b"") == (answer.status_code, answer.content)


def test_what_has_no_route_is_a_page_on_vertex(client: Client) -> None:
    """The outermost server answers, which knows nothing of APIs."""
    answer = client.get("/v1/projects/p/locations/us-central1/nothing")

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "text/html; charset=UTF-8"
    assert "<title>Error 404 (Not Found)!!1</title>" in answer.text


def test_a_get_with_a_body_never_reaches_the_api(client: Client) -> None:
    """Measured: a page and 400."""
    answer = client.request("GET", "/v1beta/tunedModels", content=b"{}")

    assert (400, "text/html; charset=UTF-8") == (answer.status_code, answer.headers["content-type"])


def test_a_callback_makes_a_script(client: Client) -> None:
    """JSONP, on GET."""
    answer = client.get("/v1beta/tunedModels?callback=cb")

    assert answer.content == b"// API callback\ncb({}\n);"
    assert answer.headers["content-type"] == "text/javascript; charset=UTF-8"


def test_a_post_may_say_another_verb(client: Client) -> None:
    """X-HTTP-Method-Override, for URLs too long to GET."""
    answer = client.post("/v1beta/tunedModels", headers={"x-http-method-override": "GET"})

    assert (200, b"{}\n") == (answer.status_code, answer.content)


def test_a_long_get_comes_as_a_form(client: Client) -> None:
    """google-api-python-client posts a GET whose URL is too long: the whole query, key and all, is the body."""
    del client.headers["x-goog-api-key"]
    as_get = {"x-http-method-override": "GET", "content-type": "application/x-www-form-urlencoded"}
    answer = client.post("/v1beta/models", content="key=key-one&alt=json&pageSize=1&fields=models.name", headers=as_get)

    assert [1, {"name"}] == [len(answer.json()["models"]), *(set(model) for model in answer.json()["models"])]


def test_gzip_is_given_to_who_takes_it(client: Client) -> None:
    """Bodies are compressed whenever the client accepts it [seen]."""
    answer = client.get("/v1beta/tunedModels", headers={"accept-encoding": "gzip"})
    refused = client.get("/v1beta/tunedModels", headers={"accept-encoding": "gzip;q=0, identity"})

    assert (b"{}\n", "gzip") == (answer.content, answer.headers["content-encoding"])
    assert "content-encoding" not in refused.headers


def test_an_array_is_compressed_and_events_are_not(client: Client) -> None:
    """15 of 19 recorded arrays were, of 98 streams of events none."""
    body = {"contents": [{"parts": [{"text": "hi"}]}]}
    zipped = {"accept-encoding": "gzip"}

    array = client.post(f"{GEMINI}:streamGenerateContent", json=body, headers=zipped)
    events = client.post(f"{GEMINI}:streamGenerateContent?alt=sse", json=body, headers=zipped)
    plain = client.post(f"{GEMINI}:streamGenerateContent", json=body)

    assert [it["candidates"] for it in plain.json()] == [it["candidates"] for it in array.json()]
    assert "gzip" == array.headers["content-encoding"]
    assert "content-encoding" not in {*events.headers, *plain.headers}


def test_a_head_has_no_body_whatever_becomes_of_it(client: Client) -> None:
    """The headers are a GET's."""
    answers = [client.head(path) for path in ("/v1beta/tunedModels", "/v1beta/tunedModels/x", "/v1/projects/p")]

    assert [(200, b""), (404, b""), (404, b"")] == [(answer.status_code, answer.content) for answer in answers]


def test_a_mask_narrows_every_message_of_a_stream(client: Client) -> None:
    """`fields` holds for each of them."""
    body = {"contents": [{"parts": [{"text": "hi"}]}]}
    answer = client.post(f"{GEMINI}:streamGenerateContent?fields=candidates.content", json=body)

    assert {"candidates"} == {name for message in answer.json() for name in message}
    assert {"content"} == {name for message in answer.json() for name in message["candidates"][0]}


def test_the_server_is_called_what_it_was_seen_to_be(client: Client) -> None:
    """ESF says what Vertex AI knows of its resources, errors too; what asks a model is scaffolding everywhere."""
    jobs, flash = "/v1/projects/p/locations/us-central1/tuningJobs", "publishers/google/models/gemini-2.5-flash"
    body = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
    bearer = {"authorization": "Bearer token", "x-goog-api-key": ""}

    answers = [
        client.get(jobs, headers=bearer),
        client.get(f"{jobs}/1", headers=bearer),
        client.post(f"/v1/projects/p/locations/us-central1/{flash}:generateContent", json=body, headers=bearer),
        client.post(f"{GEMINI}:generateContent", json=body),
        client.get("/v1beta/tunedModels"),
    ]

    assert ["ESF", "ESF", *["scaffolding on HTTPServer2"] * 3] == [answer.headers["server"] for answer in answers]


def test_a_generate_call_names_its_tier(client: Client) -> None:
    """Since April 2026, on answers in one piece only [seen]."""
    body = {"contents": [{"parts": [{"text": "hi"}]}]}
    client.clock.move_to(datetime(2026, 3, 16, tzinfo=UTC))
    before = client.post(f"{GEMINI}:generateContent", json=body)
    client.clock.move_to(datetime(2026, 4, 2, tzinfo=UTC))
    answer = client.post(f"{GEMINI}:generateContent", json=body)
    others = [
        before,
        client.post(f"{GEMINI}:generateContent", json={}),
        client.post(f"{GEMINI}:streamGenerateContent", json=body),
        client.get("/v1beta/models"),
    ]

    assert "standard" == answer.headers["x-gemini-service-tier"]
    assert not any("x-gemini-service-tier" in other.headers for other in others)


def test_an_origin_is_echoed(client: Client) -> None:
    """CORS only for who says where it comes from."""
    with_origin = client.get("/v1beta/tunedModels", headers={"origin": "https://app.example"})
    without = client.get("/v1beta/tunedModels")

    assert with_origin.headers["access-control-allow-origin"] == "https://app.example"
    assert "access-control-allow-origin" not in without.headers


def test_a_preflight_is_answered_for_any_path(client: Client) -> None:
    """Browsers ask before they post."""
    answer = client.options(
        "/v1beta/tunedModels",
        headers={
            "origin": "https://app.example",
            "access-control-request-method": "POST",
            "access-control-request-headers": "content-type,x-goog-api-key",
        },
    )

    assert (200, "https://app.example") == (answer.status_code, answer.headers["access-control-allow-origin"])


def test_a_body_over_the_limit_is_refused(client: Client) -> None:
    """400, not 413."""
    answer = client.post("/v1beta/tunedModels", content=b" " * 20_971_521, headers={"content-type": "application/json"})

    assert answer.json()["error"]["message"] == "Request payload size exceeds the limit: 20971520 bytes."


def test_a_key_came_too_early_for_tuned_models() -> None:
    """Until autumn 2024: it is not supported, and to generate with somebody's model it is nobody's [both seen]."""
    client = in_process(World(ManualClock(), Settings(as_of=date(2024, 8, 28))))
    body = {"contents": [{"parts": [{"text": "hi"}]}]}
    answers = [client.get("/v1beta/tunedModels"), client.post("/v1beta/tunedModels/mymodel:generateContent", json=body)]

    assert [401, 403] == [answer.status_code for answer in answers]
    assert (
        "You do not have permission to access tuned model tunedModels/mymodel" == answers[1].json()["error"]["message"]
    )


DEVELOPER, VERTEX, REGION = (
    f"{name}.googleapis.com" for name in ("generativelanguage", "aiplatform", "us-central1-aiplatform")
)
JOBS = "/v1/projects/p/locations/us-central1/tuningJobs"


@pytest.mark.parametrize(
    ("host", "path", "status"),
    [
        (DEVELOPER, "/v1beta/tunedModels", 200),
        (f"{DEVELOPER.upper()}:443", "/v1beta/tunedModels", 200),
        (DEVELOPER, JOBS, 404),
        (VERTEX, "/v1beta/tunedModels", 404),
        (REGION, "/v1beta/tunedModels", 404),
        (REGION, "/v1beta/models", 404),
        (REGION, JOBS, 200),
        (VERTEX, JOBS, 200),
        ("aiplatform.us.rep.googleapis.com", JOBS, 200),
    ],
)
def test_a_google_host_serves_only_its_own_paths(client: Client, host: str, path: str, status: int) -> None:
    """additions.md, Hosts: what is another service's is Not Found there; our own address serves all paths."""
    del client.headers["x-goog-api-key"]
    client.headers["authorization"] = "Bearer user@example.com"

    answer = client.get(path, headers={"host": host})

    assert status == answer.status_code
    assert client.get(path).status_code == 200
    if status == 404:
        assert (b"" if host == DEVELOPER else b"<!DOCTYPE html>\n") == answer.content[:16]
        assert next(iter(client.world.calls)).hint.endswith("serves only its own paths")


def test_a_tuned_model_among_the_base_models_gets_a_hint(client: Client) -> None:
    """Litellm and genkit send models/tunedModels/x: Not Found as really, and the log says why."""
    answer = client.post("/v1beta/models/tunedModels/x:generateContent", json={})

    assert (404, b"") == (answer.status_code, answer.content)
    assert "a tuned model is named tunedModels/..." in next(iter(client.world.calls)).hint
