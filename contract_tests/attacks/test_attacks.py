"""The short form of every attack, and that the ways to attack find what they are after."""

import json
import re
from importlib import import_module
from typing import Any

import httpx
import pytest

from contract_tests.attacks import lost_updates
from contract_tests.attacks.control_requests import Server
from contract_tests.attacks.expressions import MOST_GROWTH, Use, attack_expression, growth
from contract_tests.attacks.kinds import kinds
from contract_tests.attacks.tally import Tally
from mockserver.scripting.answers import Answer, Prompt, Rule, Turn
from mockserver.scripting.expressions import Expression, searcher
from mockserver.state.memory import MemoryStore
from mockserver.testing.mock_server import MockServer

PATTERNS = (
    r"h.$", "^L", r"(?i)AbC\b", r"[\[]x{,3}", "a{,2}b", "(?m)^x$", r"\bfoo\Z", "(a|b)*?c", "(?s)a.b", "x*?y{2,3}",
    r"[^a-c\d]+", "(?:ab|a)(c|bcd)", "()|a", "(?x) a  b # c", r"\<a", r"(\w+)@(\w+)", "(4)?5", "", "a|", "(a?){3}",
)  # fmt: skip
TEXTS = (
    "",
    "ab",
    "abcd",
    "oh hi",
    "hi\n",
    "x\nx",
    "LL",
    "4\n5",
    "foo",
    "a\nb",
    "xyyy@b",
    "[xx",
    "aabbcc",
    "<a",
    "é 5",
    "aBc",
)


@pytest.mark.parametrize("kind", kinds())
def test_an_attack_comes_to_nothing(kind: str) -> None:
    """Whatever is tried is answered or refused, and costs no more than it should."""
    tally = Tally()
    import_module(f"contract_tests.attacks.{kind}").attack(tally, long=False)

    assert tally.tried > 0
    assert [] == tally.errors


@pytest.mark.parametrize(
    "expression", [r"\s*\[mock:", "(a+)+b|c", r"\w+(?:/\w+)+", "-----BEGIN.*?END", r"(?:a|ab)*c\Z"]
)
def test_an_expression_that_takes_too_long_is_found(expression: str) -> None:
    """Quadratic ones as well as exponential ones."""
    tally = Tally()
    attack_expression(tally, Use("it", re.compile(expression, re.DOTALL), frozenset({"finditer"})), 6_000)

    assert tally.errors


def test_updates_that_a_store_loses_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """If it commits without a look at what has changed since it was read, as all of the code did once."""
    commit = MemoryStore._commit  # noqa: SLF001 - what is put back is the store's inside

    def forget(store: MemoryStore, transaction: Any, *, write: bool) -> bool:
        transaction.versions.clear()
        transaction.lists.clear()
        return commit(store, transaction, write=write)

    monkeypatch.setattr(MemoryStore, "_commit", forget)
    tally = Tally()
    lost_updates.attack(tally, long=False)

    assert tally.errors


def test_growth_tells_quadratic_from_linear() -> None:
    """By ratios, on whatever machine; in one of three measurements, as others may use it meanwhile."""

    def pairs(text: str) -> None:
        for first in text:
            text.count(first)

    def each(text: str) -> None:
        bytes(map(ord, text)).decode()

    assert any(growth(pairs, lambda length: "a" * length) > MOST_GROWTH for _ in range(3))
    assert any(growth(each, lambda length: "a" * length) <= MOST_GROWTH for _ in range(3))


@pytest.mark.parametrize("expression", PATTERNS)
def test_linear_engines_agree_with_pythons(expression: str) -> None:
    """On whether there is a match, where it is, and what the first group is."""
    for text in TEXTS:
        found = re.search(expression, text)
        part = None if found is None else found[min(found.re.groups, 1)]

        assert bool(found) == searcher(expression)(text), text
        assert part == Expression(expression).extract(text, 10_000)[0], text


@pytest.mark.parametrize("expression", ["a(?=b)", r"(a)\1", "a++", "(?>a)", "(", "(a{1000}){1000}", "(?:){1000000}"])
def test_what_needs_more_than_linear_time_is_no_rule(expression: str) -> None:
    """In Python and over the control API; nothing is kept of it."""
    server = Server()
    body = json.dumps({"answers": [{"answer": "a", "regex": expression}]}).encode()

    with pytest.raises(ValueError, match=r"regular expression|not supported|too large"):
        Rule("a", regex=expression)
    assert 400 == server.ask("POST", "/answers", body)[0]
    assert b'{"answers":[]}' == server.ask("GET", "/answers")[1]


def test_a_rule_is_matched_where_half_a_character_is() -> None:
    """JSON can hold one, UTF-8 cannot."""
    assert [] == Rule("a", regex="b$").mismatches(Prompt("models/m", turns=(Turn("user", "\ud800b"),)))


def test_what_a_test_gives_in_python_can_be_shown() -> None:
    """However strange: the control API lists it."""
    endless: dict[str, object] = {}
    endless["again"] = endless
    with MockServer().live() as server:
        server.answer(Answer(parts=[{"a": object()}, {"b": "\ud800"}, endless]))
        assert 200 == httpx.get(f"{server.url}/_mock/answers").status_code
