"""Attacks on what reads clients' and testers' texts: a text twice as long may take little more than twice the time.

The texts are those that a quadratic or exponential way of reading is slow on. (Expressions that stand in the package
are attacked one by one in expressions.py.)
"""

import contextlib
import itertools
import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from contract_tests.attacks.expressions import double
from contract_tests.attacks.tally import Tally
from mockserver.dispatch.credential_guard import find_secret
from mockserver.generation.schema_values import NoValueError, example_value
from mockserver.http.headers import accepts_gzip
from mockserver.http.parameters import InvalidParameters, parse_query, split_query
from mockserver.inspection.calls import Calls
from mockserver.protojson.field_mask import apply_fields_mask
from mockserver.protojson.reading import read_body
from mockserver.protojson.scalars import InvalidValue
from mockserver.protojson.well_known import parse_duration, parse_field_mask, parse_timestamp
from mockserver.recordings.secret_detectors import find_in_body
from mockserver.rpc.credentials import Credentials, identify
from mockserver.rpc.errors import ApiError
from mockserver.rpc.paging import parse_token
from mockserver.rpc.redaction import redact
from mockserver.scripting.answers import Prompt, Rule, Turn
from mockserver.scripting.faults import CallTarget, Fault, FaultRecord, select_fault
from mockserver.scripting.magic_words import job_directives, parse_magic_words, strip_magic_words
from mockserver.simulation.tokens import split
from mockserver.state.calls import CallLog, RecordedCall
from mockserver.vertex.filters import compile_filter

REFUSALS = (ApiError, InvalidValue, InvalidParameters, NoValueError, ValueError)
REQUEST = "google.ai.generativelanguage.v1beta.GenerateContentRequest"


@dataclass(frozen=True)
class Reader:
    """Something that reads a text, and what is done so often in an attack on it."""

    name: str
    read: Callable[[str], object]
    texts: Mapping[str, Callable[[int], str]]

    def apply(self, text: str) -> None:
        """Read it; that it is refused is an answer too."""
        with contextlib.suppress(*REFUSALS):
            self.read(text)


def often(*pieces: str, before: str = "", after: str = "") -> dict[str, Callable[[int], str]]:
    """Texts that repeat a piece up to a length."""

    def maker(piece: str) -> Callable[[int], str]:
        return lambda length: before + piece * max(length // len(piece), 1) + after

    return {f"{before!r} + {piece!r} * n + {after!r}": maker(piece) for piece in pieces}


_numbers = itertools.count()


def split_anew(text: str) -> object:
    """Split a text into tokens that was never split before: those of short ones are cached."""
    return split(f"{text}{next(_numbers)}")


def rule(regex: str) -> Callable[[str], object]:
    """A tester's expression, searched in a prompt."""
    made = Rule("yes", regex=regex)
    return lambda text: made.mismatches(Prompt("models/m", turns=(Turn("user", text),)))


def filtered(text: str, resource: dict[str, object]) -> object:
    """A filter, compiled and applied."""
    test = compile_filter(text)
    return test is None or test(resource)


def starred(text: str) -> object:
    """A filter with many stars, on a name that nearly fits."""
    return filtered(f'display_name="{text}"', {"displayName": "a" * len(text)})


def long_name(text: str) -> object:
    """A filter with some stars, on a name that somebody else chose."""
    return filtered('display_name="*a*a*a*a*a*b"', {"displayName": text})


def called(text: str) -> object:
    """Globs over the log of calls."""
    log = CallLog()
    log.append(RecordedCall("m", "GET", f"/v1/{text}", 0, "", None, 200, None))
    return Calls(log).filter(resource="*a*a*a*a*a*b")


def faulty(text: str) -> object:
    """Globs of faults."""
    records = [FaultRecord(Fault(resource="*a*a*a*a*a*b", status=503))]
    return select_fault(records, CallTarget("m", text), 0, random.Random(1))


BRACKETS = ("\n", " ", "[mock:", "[mock: ", "[ mock:", '[mock: a="', "[mock: text=", "[mock: a='b' ", "\n[mock: x]")
KEYS = (
    "-----BEGIN PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----\n-----END ",
    "-----BEGIN A A A ",
    "-----BEGIN A PRIVATE KEY-----x-----END A KEY-----",
    "-----END A-----",
    "AIza",
    "AQ.",
    "ya29.",
)

READERS = (
    Reader("magic words", parse_magic_words, often(*BRACKETS) | often("\n", after="[mock: x]") | often(" a=", before="[mock:", after="]")),
    Reader("without magic words", strip_magic_words, often(*BRACKETS, before="[") | often("\n", after="[mock: x")),
    Reader("magic words of a job", job_directives, often("mock-", "mock-fail-at-step-", "mock-fail-at-step-1")),
    Reader("stars of a filter", starred, often("*a", "*", "a*", "*a" * 5 + "b")),
    Reader("name under a filter of stars", long_name, often("a", "ab", "b")),
    Reader("filter", lambda text: filtered(text, {"a": "b"}), often('a="b" ', "(", "-", "NOT ", '"', "a.", ' "\\', "a:b OR ", " ", "f(")),
    Reader("secrets, redacted", redact, often(*KEYS)),
    Reader("secrets, found", lambda text: find_secret([text], text.encode(), lambda: False), often(*KEYS)),
    Reader("secrets of a recording", lambda text: list(find_in_body(text)), often(*KEYS, "eyJa-", "a-", "a.", "a@", "projects/a.", "1")),
    Reader("bearer token", lambda text: identify(Credentials(bearer=text)), often(".", before="a@", after="@") | often("@", "a@", "a@.")),
    *(
        Reader(f"rule {regex}", rule(regex), often("a", "ab", " "))
        for regex in ("(a+)+b|c", "(a|a)*b", r"(\w*\w*)*$", "a*a*a*a*b", r"\s*x", "(?:a?){30}a{30}b")
    ),
    Reader("globs of the log", called, often("a", "ab")),
    Reader("globs of faults", faulty, often("a", "ab")),
    Reader("tokens", split_anew, often("a", "A", " ", "\n", "1", "a ", "!", "é", "漢", "\u0300")),
    Reader("Accept-Encoding", accepts_gzip, often("gzip ", "gzip;", "gzip;q=0", "gzip;q=0.0", " ") | often(" ", "0", before="gzip;q=0.")),
    Reader("query", lambda text: split_query(parse_query(text)), often("a=b&", "&", "%", "=", "alt=", ";") | often("a", "[", before="callback=")),
    Reader("fields", lambda text: apply_fields_mask(REQUEST, {}, text), often("contents,", "contents(parts,role),", "contents/", "a.", "(", ")", "contents(")),
    Reader("field mask", parse_field_mask, often("a,", "a.", "aB", '["a"].', "(a", '["', "a(b,c),")),
    Reader("time", parse_timestamp, often("0", before="2024-03-14T15:09:26.", after="x") | often("2024-")),
    Reader("length of time", parse_duration, often("0", before="1.", after="xs") | often(" ", "1", after="s")),
    Reader("page token", parse_token, often("Ch9", "A", "_w", "=")),
    Reader(
        "body",
        lambda text: read_body(REQUEST, text.encode()),
        often("{", "[", '"', "'", "\\", "a:", "'a':", "1", "1e", "-", " ", "/", ",", '{"contents":[')
        | often("{parts:[{text:'a'}]},", before="{contents:[", after="]}")
        | often("{},", "null,", before='{"contents":[', after="]}")
        | often("a", "\\u0041", "\\", "\n", before="{contents:{parts:{text:'", after="'}}}")
        | often("x:1,", "'x':1,", before="{", after="}"),
    ),
    Reader("schema", lambda text: example_value(json.loads(text)), often('{"type":"object","properties":{"a":{}}},', before='{"allOf":[', after="{}]}") | often('{"enum":["a"]},', before='{"allOf":[', after="{}]}") | often('{"type":"x"},', before='{"anyOf":[', after="{}]}")),
)  # fmt: skip


def attacks() -> Iterator[tuple[str, Reader, Callable[[int], str]]]:
    """Every text for every reader."""
    for reader in READERS:
        for name, text in reader.texts.items():
            yield f"{reader.name}: {name}", reader, text


def attack(tally: Tally, *, long: bool) -> None:
    """Double each text, and see what it costs."""
    for name, reader, text in attacks():
        double(tally, name, reader.apply, text, 256_000 if long else 16_000)
