"""One server for many: each client in a world of its own by its project or its key alone, each test in its own."""

from pathlib import Path

import httpx

from contract_tests.environment import client_python
from contract_tests.use.programs import run_python
from mockserver import Fault, MockServer


def test_a_client_is_in_the_world_of_its_project(tmp_path: Path) -> None:
    """Also with the names it was given, which hold the project's number; its token is anybody's.

    Only what names no project is asked of the default world.
    """
    with MockServer(seed=1, clock="600x").live() as server:
        mine, other = server.fork(), server.fork()
        other.fault(Fault(status=503))
        said = run_python(
            client_python("genai-1"),
            "genai_vertex.py",
            tmp_path,
            BASE_URL=server.url,
            PROJECT=mine.credentials.project,
        )

    assert "JOB_STATE_SUCCEEDED" == said["state afterwards"]
    assert "404 NOT_FOUND" == said["afterwards"]
    assert 3 == len(mine.tuning_jobs)
    assert {"publishers.models.list"} == {call.method for call in server.calls}
    assert 0 == len(other.calls)


def test_requests_side_by_side_stay_apart() -> None:
    """Time, faults, answers, ids and calls of a world are those of whoever has its key."""
    body = {"contents": [{"parts": [{"text": "hello"}]}]}
    with MockServer(seed=1).live() as server:
        worlds = [server.fork() for _ in range(3)]
        for number, world in enumerate(worlds):
            world.answer(f"answer {number}")
            world.clock.advance(hours=number)
        worlds[2].fault(Fault(status=429, times=1))
        statuses, texts = [], []
        with httpx.Client(base_url=f"{server.url}/v1beta") as client:
            for world in [*worlds, *worlds]:
                headers = {"x-goog-api-key": world.credentials.api_key}
                answer = client.post("/models/gemini-2.0-flash:generateContent", json=body, headers=headers)
                statuses.append(answer.status_code)
                if answer.is_success:
                    texts.append(answer.json()["candidates"][0]["content"]["parts"][0]["text"])

    assert [200, 200, 429, 200, 200, 200] == statuses
    assert ["answer 0", "answer 1", "answer 0", "answer 1", "answer 2"] == texts
    assert [2, 2, 2] == [len(world.calls) for world in worlds]
    assert [0, 3600, 7200] == [round((world.now - server.now).total_seconds()) for world in worlds]
    assert [0, 0, 0] == [len(server.calls), len(server.answers), len(server.faults)]


def test_worlds_of_one_test_are_none_of_the_nexts() -> None:
    """A session's server is as new for each of them; what was there before is back at the end."""
    with MockServer(seed=1).live() as server:
        fork = server.fork()
        seen = []
        for _ in range(2):
            with server.fresh_world(seed=1):
                made = httpx.post(f"{server.url}/_mock/worlds", json={"name": "mine"}).status_code
                seen.append((made, server.fork().credentials.project, worlds(server)))
        after = worlds(server)

    assert [(200, "mockserver-w1", ["default", "mine", "w1"])] * 2 == seen
    assert (["default", "w1"], "mockserver-w1") == (after, fork.credentials.project)


def test_a_fork_that_is_served_is_the_default_world_there() -> None:
    """At a URL of its own, where those beside it are to be reached too."""
    server = MockServer(seed=1)
    fork, other = server.fork(), server.fork()
    other.answer("other")
    with fork.live():
        found = worlds(fork)
        said = httpx.get(f"{fork.url}/_mock/answers?world=w2").json()["answers"]

    assert ["w1", "w2"] == found
    assert ["other"] == [each["rule"]["answer"] for each in said]


def worlds(server: MockServer) -> list[str]:
    """The worlds that can be reached at a server's URL, the default one first."""
    return [world["name"] for world in httpx.get(f"{server.url}/_mock/worlds").json()["worlds"]]
