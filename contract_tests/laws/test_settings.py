"""Settings are declared once: every way to set one leads to the same value and the same sentence."""

import importlib.util
import os
import tomllib
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract_tests.environment import ROOT
from mockserver.control.openapi import document
from mockserver.control.worlds import OPERATIONS, _change_settings
from mockserver.rpc.errors import ApiError
from mockserver.settings import (
    GROUPS,
    BadOption,
    By,
    Setting,
    Settings,
    SettingType,
    declarations,
    read_settings,
    unknown_variables,
)
from mockserver.settings.types import Switch, Word
from mockserver.state.new_world import new_world, read_options

ALL = declarations(*GROUPS)
SERVE = list(declarations(*GROUPS, by=By.SERVE).values())

GOOD = {
    "seed": ("7", 7),
    "auth": ("off", "off"),
    "accepted_credentials": ("one,two", frozenset({"one", "two"})),
    "default_user": ("ada@example.com", "ada@example.com"),
    "as_of": ("2024-03-14", date(2024, 3, 14)),
    "metadata_refresh_seconds": ("0.5", 0.5),
    "lenient_routes": ("yes", True),
    "magic": ("no", False),
    "safety_ratings": ("real", "real"),
    "gcs_root": (str(ROOT), ROOT),
    "unknown_buckets": ("missing", "missing"),
    "max_concurrent_jobs": ("2", 2),
    "over_quota": ("refuse", "refuse"),
    "recordings": (str(ROOT), ROOT),
    "recordings_mode": ("strict", "strict"),
    "requests_per_minute": ("15", 15),
    "tokens_per_minute": ("1000000", 1_000_000),
    "requests_per_day": ("0", 0),
    "tokens_per_day": ("5", 5),
    "refuse_real_credentials": ("on", True),
    "clock": ("60x", 60.0),
    "start_time": ("2024-03-14", datetime(2024, 3, 14, tzinfo=UTC)),
    "answers": ("answers.yaml", "answers.yaml"),
    "config": (os.devnull, os.devnull),
    "host": ("::1", "::1"),
    "port": ("0", 0),
    "port_file": ("server.json", "server.json"),
    "grpc_port": ("8766", 8766),
    "grpc_certificate": ("cert.pem", "cert.pem"),
    "grpc_key": ("key.pem", "key.pem"),
    "store": ("sqlite:///store.db", "sqlite:///store.db"),
    "data_dir": ("data", "data"),
    "workers": ("2", 2),
    "control_token": ("secret", "secret"),
    "allow_host": ("app.example,b.example", frozenset({"app.example", "b.example"})),
    "watch": ("yes", True),
    "shutdown_seconds": ("10", 10),
    "quiet": ("yes", True),
    "log_format": ("json", "json"),
    "busy_polling": ("advance", "advance"),
    "fake_api_key": ("no", False),
    "misses": ("fail", "fail"),
    "sleep": ("virtual+clock", "virtual+clock"),
    "block_network": ("yes", True),
    "leaks": ("fail", "fail"),
}
"""For each setting a text, and what it means."""


def test_every_setting_has_an_example() -> None:
    """A new setting needs one here."""
    assert ALL.keys() == GOOD.keys()


@pytest.mark.parametrize("setting", ALL.values(), ids=ALL)
def test_a_text_and_its_value_mean_the_same(setting: Setting) -> None:
    """In an ini file, a marker and Python."""
    text, value = GOOD[setting.name]

    assert value == setting.read(text) == setting.read(value)
    assert value != setting.default


@pytest.mark.parametrize("setting", SERVE, ids=[it.name for it in SERVE])
def test_options_and_variables_are_read_alike(setting: Setting) -> None:
    """The option wins over the variable; an empty variable sets nothing. A switch is turned the way its option says."""
    text, value = ("yes", not setting.default) if setting.is_flag else GOOD[setting.name]
    by_option = read_options({setting.name: text}, {setting.variable: "?"})
    by_variable = read_options({}, {setting.variable: text})
    by_nothing = read_options({}, {setting.variable: ""})

    assert value == by_option[setting.name] == by_variable[setting.name]
    assert read_options({}, {}) == by_nothing


@pytest.mark.parametrize("setting", declarations(Settings, by=By.CONTROL).values(), ids=lambda it: str(it.name))
def test_the_control_api_reads_json(setting: Setting) -> None:
    """What it shows of a setting it takes back."""
    value: Any = GOOD[setting.name][1]
    changed = _change_settings(Settings(), {setting.name: setting.kind.json(value)})

    assert replace(Settings(), **{setting.name: value}) == changed


def test_the_control_api_describes_what_can_be_changed() -> None:
    """By a schema of each setting, and none of what only whoever starts the server may set."""
    schemas = document(OPERATIONS)["components"]["schemas"]
    described = schemas["ChangedSettings"]["properties"]["settings"]["properties"]

    assert declarations(Settings, by=By.CONTROL).keys() == described.keys()
    assert "gcs_root" not in described
    assert ["any", "off", "strict"] == described["auth"]["enum"]


@given(value=st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers(), min_size=1))
@pytest.mark.parametrize("setting", ALL.values(), ids=ALL)
def test_any_value_is_read_or_refused_in_one_sentence(setting: Setting, value: object) -> None:
    """Whatever it is, in Python as in JSON; and what was read is read as itself."""
    refusal, read = "", None
    try:
        read = setting.read(value, called="--it")
    except BadOption as error:
        refusal = str(error)

    assert refusal in {"", f"--it: {value!r} is not {setting.kind.expected}"}
    assert read is None or read == setting.read(read)


def test_a_group_checks_its_values() -> None:
    """Also when somebody builds it by hand."""
    nonsense: Any = "sometimes"

    with pytest.raises(BadOption, match="auth: 'sometimes' is not one of any, off, strict"):
        Settings(auth=nonsense)
    with pytest.raises(ApiError, match="auth: 'sometimes' is not one of any, off, strict"):
        _change_settings(Settings(), {"auth": nonsense})
    with pytest.raises(BadOption, match="auth: 'sometimes' is not one of any, off, strict"):
        new_world({"auth": nonsense})


def test_settings_can_be_values_of_toml() -> None:
    """Numbers, booleans, lists, dates and times stand for themselves."""
    values = tomllib.loads(
        """
        seed = 7
        magic = false
        as_of = 2024-03-14
        accepted_credentials = ["one", "two"]
        metadata_refresh_seconds = 0
        """
    )

    assert Settings(
        seed=7,
        magic=False,
        as_of=date(2024, 3, 14),
        accepted_credentials=frozenset({"one", "two"}),
        metadata_refresh_seconds=0.0,
    ) == read_settings(Settings, values)


def test_a_misspelt_variable_is_named() -> None:
    """With the nearest one there is; those of other programs are not."""
    environment = {"MOCKSERVER_CLOK", "MOCKSERVER_SEED", "MOCKSERVER_PORT_8765_TCP", "MOCKSERVER_REAL_PROJECT", "HOME"}

    assert ["MOCKSERVER_CLOK is not a setting; did you mean MOCKSERVER_CLOCK?"] == list(unknown_variables(environment))


def test_documents_and_keywords_are_up_to_date() -> None:
    """They are written by `make settings`."""
    spec = importlib.util.spec_from_file_location("settings_script", ROOT / "scripts" / "settings.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)

    for path, text in script.texts():
        assert text == path.read_text(encoding="utf-8"), "make settings"


def test_words_of_the_types_are_those_that_are_read() -> None:
    """A Literal says for type checkers what a Word says for everybody."""
    for group in GROUPS:
        for name, setting in declarations(group).items():
            annotation = group.__annotations__[name]
            words: SettingType = setting.kind
            if isinstance(words, Word):
                assert words.words == annotation.__args__
            assert isinstance(words, Switch) == (annotation is bool)
