"""`--config`, `mockserver config` and `--watch`: settings and answers from files."""

import os
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from contract_tests.environment import HANGS
from contract_tests.use.serving import serving
from contract_tests.use.test_command_line import command
from mockserver.cli.answers_watch import AnswersWatch
from mockserver.scripting.scenario import Scenario
from mockserver.settings import GROUPS, BadOption, By, declarations
from mockserver.state.clock import ManualClock, countdown
from mockserver.state.memory import MemoryStore
from mockserver.state.new_world import find_options, read_options
from mockserver.state.store import Store, Unavailable
from mockserver.state.world import World, Worlds

FILE = """
seed = 7
clock = "60x"
magic = false
as-of = 2024-03-14
start_time = 2024-03-14T15:09:26Z
metadata_refresh_seconds = 0.5
accepted_credentials = ["one", "two"]
auth = "strict"
"""


def test_options_win_over_variables_and_these_over_the_file(tmp_path: Path) -> None:
    """Each setting has a value and its source."""
    file = tmp_path / "mockserver.toml"
    file.write_text(FILE)
    found = find_options({"config": str(file), "port": "1"}, {"MOCKSERVER_CLOCK": "2x", "MOCKSERVER_PORT": "2"})

    assert (1, "--port") == (found["port"].value, found["port"].source)
    assert (2.0, "MOCKSERVER_CLOCK") == (found["clock"].value, found["clock"].source)
    assert (7, str(file)) == (found["seed"].value, found["seed"].source)
    assert not found["magic"].value
    assert "2024-03-14" == str(found["as_of"].value)
    assert "2024-03-14 15:09:26+00:00" == str(found["start_time"].value)
    assert (0.5, {"one", "two"}) == (found["metadata_refresh_seconds"].value, found["accepted_credentials"].value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("sed = 7", "FILE: there is no setting 'sed'; did you mean 'seed'?"),
        ("seed = 7.5", "FILE: seed: '7.5' is not a whole number from 0 to 9223372036854775807"),
        ("magic = 'sometimes'", "FILE: magic: 'sometimes' is not one of 1, true, yes, on, 0, false, no, off"),
        ("control_token = {a = 1}", "FILE: control_token: {'a': 1} is not a text"),
        ("config = 'other.toml'", "FILE: there is no setting 'config'; the settings are"),
        ("seed = ", "--config: FILE is not TOML: Invalid value"),
    ],
)
def test_a_mistake_in_the_file_is_one_sentence(text: str, sentence: str, tmp_path: Path) -> None:
    """With the file and the setting."""
    file = tmp_path / "mockserver.toml"
    file.write_text(text)

    with pytest.raises(BadOption) as refused:
        read_options({"config": str(file)}, {})

    assert str(refused.value).startswith(sentence.replace("FILE", str(file)))


@pytest.mark.parametrize("password", ["open-sesame", "open@sesame", "open/sesame", "open:sesame"])
def test_config_shows_no_part_of_the_stores_password(password: str) -> None:
    """Up to the last @, as SQLAlchemy reads the URL."""
    _, printed, _ = command("config", "--store", f"postgresql://user:{password}@host/database")

    assert "# store: postgresql://user:...@host/database  # --store\n" in printed
    assert "sesame" not in printed


def test_config_prints_a_file_that_means_the_same(tmp_path: Path) -> None:
    """Every setting with its source; secrets are not shown."""
    file, copy = tmp_path / "mockserver.toml", tmp_path / "copy.toml"
    file.write_text(FILE)
    status, printed, complained = command(
        "config", "--config", str(file), "--quiet", variables={"MOCKSERVER_CONTROL_TOKEN": "open-sesame"}
    )
    copy.write_text(printed)
    settings = declarations(*GROUPS, by=By.SERVE)
    hidden = {"config", *(name for name, it in settings.items() if it.is_secret)}
    expected = read_options({"config": str(file), "quiet": "yes"}, {})
    again = read_options({"config": str(copy), "credential": "", "accepted_credentials": "one,two"}, {})

    assert (0, "") == (status, complained)
    assert {name: expected[name] for name in expected if name not in hidden}.items() <= again.items()
    assert "quiet = true  # --quiet" in printed
    assert f"seed = 7  # {file}" in printed
    assert "port = 8765  # default" in printed
    assert "# grpc_port is not set: no gRPC" in printed
    assert 'store = "memory:"  # default' in printed
    assert "# control_token: a secret  # MOCKSERVER_CONTROL_TOKEN" in printed
    assert "open-sesame" not in printed
    assert settings.keys() == {
        *tomllib.loads(printed),
        *(
            line.split()[1].rstrip(":")
            for line in printed.splitlines()
            if line.startswith("# ") and line.split()[1].rstrip(":") in settings
        ),
    }


def test_a_served_answers_file_is_read_again(tmp_path: Path) -> None:
    """Without a new start."""
    file = tmp_path / "answers.yaml"
    file.write_text("answers: [{answer: one}]")
    path, body = (
        "/v1beta/models/gemini-2.0-flash:generateContent?key=any-key",
        {"contents": [{"parts": [{"text": "?"}]}]},
    )
    with serving(tmp_path / "log", "--answers", str(file), "--watch") as server:

        def ask() -> str:
            answer = httpx.post(server.base_url + path, json=body).json()
            return str(answer["candidates"][0]["content"]["parts"][0]["text"])

        before = ask()
        file.write_text("answers: [{answer: another}]")
        seconds_left = countdown(HANGS)
        while ask() == before and seconds_left() > 0:
            pass
        after = ask()

    assert ("one", "another") == (before, after)


def test_a_file_with_a_mistake_changes_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The log says what is wrong; the next valid file replaces answers and faults."""
    file = tmp_path / "answers.yaml"
    file.write_text("answers: [{answer: one}]")
    world = World(ManualClock())
    watch = AnswersWatch(Worlds(world), str(file))
    scenario = Scenario(world.store)
    seen: list[tuple[int, int]] = []
    for text in (
        "answers: [{answer: one}, {answer: two}]",
        "answers: [",
        "faults: [{method: none.such, status: 503}]",
        "faults: [{status: 503}]",
    ):
        file.write_text(text)
        os.utime(file, ns=(len(seen), len(seen)))
        watch.look()
        seen.append((len(scenario.answers), len(scenario.faults)))
    file.unlink()
    watch.look()

    assert [(2, 0), (2, 0), (2, 0), (0, 1)] == seen
    assert 1 == len(scenario.faults)
    assert f"{file}:1: " in caplog.text
    assert "none.such" in caplog.text
    assert f"{file}: No such file or directory. The answers and faults from before stay in effect." in caplog.text


class DownStore(MemoryStore):
    """A store that takes no changes while it is down."""

    is_down = False

    def transact(self, change: Callable[[Store], Any]) -> Any:
        """Commit a change."""
        if self.is_down:
            raise Unavailable("the database of the store failed: locked")
        return super().transact(change)


def test_a_file_that_could_not_be_stored_is_read_once_the_store_is_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says once why it waits, and the thread goes on."""
    file = tmp_path / "answers.yaml"
    file.write_text("answers: [{answer: one}]")
    store = DownStore()
    watch = AnswersWatch(Worlds(World(ManualClock(), store=store)), str(file))
    file.write_text("answers: [{answer: one}, {answer: two}]")
    store.is_down = True
    for _ in range(3):
        watch.look()
    store.is_down = False
    watch.look()

    assert 2 == len(Scenario(store).answers)
    assert 1 == caplog.text.count("is read again once its answers can be stored: the database of the store failed")
