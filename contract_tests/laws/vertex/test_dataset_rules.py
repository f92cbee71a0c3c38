"""What Vertex AI says of training data, line by line and as a whole: laws of `vertex.dataset_rules`."""

import json
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract_tests.environment import ROOT
from mockserver.datasets import files
from mockserver.datasets.dataset import Dataset, collect
from mockserver.datasets.lines import Kind, Line
from mockserver.datasets.rules import Row, examine
from mockserver.simulation.tokens import IMAGE_TOKENS
from mockserver.vertex.dataset_rules import MOST_TOKENS, VertexRules, oversized_validation, rules_for

DATASETS = ROOT / "fixtures" / "datasets"

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
# Names that mean something, so that more than the first look at a tree is taken.
_NAMES = """
    contents role parts text systemInstruction system_instruction fileData file_data mimeType mime_type fileUri
    functionCall functionResponse inlineData name args response tools generationConfig completions score completion
    messages content input_text output_text prompt references user model
"""
names = st.sampled_from(_NAMES.split())
trees = st.recursive(
    scalars | names,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names | st.text(max_size=3), inner, max_size=4),
    max_leaves=25,
)
kinds = st.sampled_from(Kind)


def turn(role: str, *texts: str) -> dict[str, Any]:
    """A content."""
    return {"role": role, "parts": [{"text": text} for text in texts]}


def read(*trees: Any, kind: Kind = Kind.SUPERVISED, base: str = "") -> Dataset:
    """The dataset of these examples."""
    raw = b"".join(json.dumps(tree).encode() + b"\n" for tree in trees)
    rules = rules_for(kind, base)
    return collect(examine(files.read_rows(BytesIO(raw)), rules), rules)


def first_line(tree: Any, kind: Kind = Kind.SUPERVISED, base: str = "") -> Line:
    """What is found on a line."""
    return rules_for(kind, base).examine(Row(1, tree), 0)


def words(count: int) -> str:
    """A text of so many tokens."""
    return " ".join(["ferry"] * count)


@given(trees, kinds, st.sampled_from(["", "gemini-1.0-pro-002", "gemini-2.5-flash"]))
def test_any_tree_is_an_example_or_has_problems(tree: Any, kind: Kind, base: str) -> None:
    """Nothing that can be in a line raises anything, and a line is never both or neither."""
    line = first_line(tree, kind, base)

    assert (line.example is None) == bool(line.problems)
    assert all(problem.endswith(".") for problem in line.problems)
    collect([line], VertexRules(kind))


@given(st.data(), kinds)
def test_any_change_of_an_example_is_told_or_harmless(data: st.DataObject, kind: Kind) -> None:
    """Whatever is put in place of whatever part of a good one."""
    tree = data.draw(
        st.sampled_from([*_fixture("functions.jsonl"), *_fixture("preferences.jsonl"), *_fixture("media.jsonl")])
    )
    place = tree
    while isinstance(place, dict | list) and place:
        step: Any = data.draw(st.sampled_from(list(place) if isinstance(place, dict) else list(range(len(place)))))
        if not isinstance(place[step], dict | list) or not place[step] or data.draw(st.integers(0, 3)) == 0:
            place[step] = data.draw(trees)
            break
        place = place[step]

    line = first_line(tree, kind)

    assert (line.example is None) == bool(line.problems)
    collect([line], VertexRules(kind))


@given(st.binary(max_size=300), kinds)
def test_any_bytes_are_lines(raw: bytes, kind: Kind) -> None:
    """What is no JSON, no UTF-8 or no text at all is told of like any other problem."""
    rules = VertexRules(kind)
    lines = list(examine(files.read_rows(BytesIO(raw)), rules))

    assert sum(bool(line.strip()) for line in raw.split(b"\n")) == len(lines)
    assert bool(lines) == (collect(lines, rules).failure != collect([], rules).failure)


def test_nesting_has_no_bounds() -> None:
    """A line is looked at without recursion: one too deep for the parser is not JSON, any other is an example."""
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]

    line = first_line({"contents": [turn("user", "a"), turn("model", "b")], "tools": {"deep": deep}})
    parsed = list(files.read_rows(BytesIO(b'{"contents":' + b"[" * 100_000)))

    assert line.example is not None
    assert parsed[0].problem


@pytest.mark.parametrize("spelling", ["systemInstruction", "system_instruction"])
def test_instructions_are_input_and_no_message(spelling: str) -> None:
    """They are spelled both ways in the documentation; messages are the contents alone [seen]."""
    line = {spelling: {"parts": [{"text": words(4)}]}, "contents": [turn("user", words(3)), turn("model", words(2))]}

    statistics = read(line).statistics

    assert (7, 2, 2) == (statistics.inputs.total, statistics.outputs.total, statistics.messages.total)


def test_all_turns_of_the_model_are_output() -> None:
    """The rest is input."""
    contents = [turn("user", words(5)), turn("model", words(2)), turn("user", words(6)), turn("model", words(4))]

    statistics = read({"contents": contents}).statistics

    assert (11, 6) == (statistics.inputs.total, statistics.outputs.total)
    assert 17 == statistics.billable_tokens


def test_a_file_is_a_placeholder_and_a_constant() -> None:
    """<media0>, <media1> ... in the order of an example's parts; an image is 258 tokens."""
    image = {"fileData": {"mimeType": "image/png", "fileUri": "gs://bucket/a.png"}}
    question = {"role": "user", "parts": [image, {"text": "and "}, image, {"text": "differ?"}]}

    statistics = read({"contents": [question, turn("model", "No.")]}).statistics

    assert (("user", "<media0>and <media1>differ?"), ("model", "No.")) == statistics.samples[0].turns
    assert 2 * IMAGE_TOKENS < statistics.inputs.total < 2 * IMAGE_TOKENS + 9


def test_the_first_three_examples_are_shown() -> None:
    """Texts of more than 400 characters as 397 and three dots, both of which were seen; 400 as they are."""
    trees = [{"contents": [turn("user", "a" * length), turn("model", "b")]} for length in (400, 401, 5, 6)]

    samples = read(*trees).statistics.samples

    assert ["a" * 400, "a" * 397 + "...", "a" * 5] == [sample.turns[0][1] for sample in samples]


def test_examples_too_long_are_dropped() -> None:
    """They are counted, told by their place from 1, and in no distribution; a dataset of nothing else fails."""
    long = {"contents": [turn("user", words(MOST_TOKENS)), turn("model", "b")]}
    short = {"contents": [turn("user", words(3)), turn("model", "b")]}

    mixed, hopeless = read(short, long, short), read(long)

    assert mixed.failure is None
    assert (3, 2, (2,)) == (mixed.statistics.examples, mixed.statistics.trained, mixed.statistics.truncated)
    assert 6 == mixed.statistics.inputs.total
    assert hopeless.failure is not None


def test_the_first_problem_fails_the_dataset() -> None:
    """In the words that were seen: the example's place, their number, what it contains, its JSON."""
    good = {"contents": [turn("user", "a"), turn("model", "b")]}
    call = {"contents": [turn("user", "a"), {"role": "model", "parts": [{"functionCall": {"name": "f"}}]}]}

    failure = read(*[good] * 3, call, *[good] * 10, base="gemini-2.5-flash").failure

    assert failure is not None
    assert 3 == failure.code
    assert failure.message.startswith(
        "Dataset example 4 of 14 contains an unsupported modality [function call] in the “parts” field, which is not "
        "supported by this model. The supported modalities are: [image, PDF document, audio, video]. JSON: {"
    )


def test_function_calls_go_with_some_models() -> None:
    """A dataset that 2.0 took was refused for 2.5 [seen 2025-11]."""
    older, newer = (
        read(*_fixture("functions.jsonl"), base=base) for base in ("gemini-2.0-flash-001", "gemini-2.5-flash")
    )

    assert older.failure is None
    assert newer.failure is not None


@pytest.mark.parametrize(
    ("fixture", "base"),
    [
        ("support.jsonl", "gemini-1.0-pro-002"),
        ("chats.jsonl", "gemini-2.5-flash"),
        ("media.jsonl", "gemini-2.5-flash"),
        ("messages.jsonl", "gemini-1.0-pro-002"),
        ("messages.jsonl", "llama-3-8b"),
        ("input-output.jsonl", "text-bison"),
        ("prompt-completion.jsonl", "llama-3-8b"),
    ],
)
def test_formats_of_every_generation_are_read(fixture: str, base: str) -> None:
    """Every line is an example with something in and something out."""
    dataset = read(*_fixture(fixture), base=base)

    assert dataset.failure is None
    assert dataset.statistics.inputs.least > 0
    assert dataset.statistics.outputs.least > 0


def test_older_formats_are_not_read_for_newer_models() -> None:
    """From Gemini 1.5 on there is one format."""
    failure = read(*_fixture("messages.jsonl"), base="gemini-1.5-pro-002").failure

    assert failure is not None
    assert failure.message.startswith("Row: 0. Missing required `contents` field.")


@pytest.mark.parametrize(
    ("fixture", "kind"), [("broken.jsonl", Kind.SUPERVISED), ("broken-preferences.jsonl", Kind.PREFERENCE)]
)
def test_every_broken_line_has_a_problem(fixture: str, kind: Kind) -> None:
    """Each line of these is wrong in a way of its own."""
    with (DATASETS / fixture).open("rb") as file:
        lines = list(examine(files.read_rows(file), rules_for(kind, "gemini-2.0-flash-001")))

    assert [] == [line.number for line in lines if not line.problems]


def test_preference_data_is_scored() -> None:
    """Half of all answers score 1, half 0; both are output; the preferred one is what the model learns."""
    dataset = read(*_fixture("preferences.jsonl"), kind=Kind.PREFERENCE)
    scores, variance = dataset.statistics.scores, dataset.statistics.score_variance

    assert dataset.failure is None
    assert scores is not None
    assert variance is not None
    assert [(5, 0, 0), (5, 1, 1)] == [(bucket.count, bucket.left, bucket.right) for bucket in scores.buckets]
    assert (0.25, 0.25) == (variance.least, variance.most)
    assert "No, a program that knows the ferry." == dataset.completions["Are you a human?"]


def test_a_model_learns_its_turns() -> None:
    """Each turn of a conversation by the one before; the first of two answers to one prompt stays."""
    contents = [turn("user", "one"), turn("model", "1"), turn("user", "two"), turn("model", "2")]

    completions = read({"contents": contents}, {"contents": [turn("user", "one"), turn("model", "uno")]}).completions

    assert {"one": "1", "two": "2"} == dict(completions)


@pytest.mark.parametrize(
    ("most", "validation", "training"),
    [(None, 256, 20), (None, 1_000, 100), (1_000, 1_001, 3_336), (None, 1_001, 3_337), (5_000, 5_001, 10**6)],
)
def test_validation_data_is_bounded(most: int | None, validation: int, training: int) -> None:
    """5000 examples, and 30 % of the training data if there are more than 1000 [documented]."""
    failure = oversized_validation(validation, training)

    assert (most is None) == (failure is None)
    assert failure is None or failure.message.endswith(f" {most}.")


def test_an_empty_dataset_fails() -> None:
    """There is nothing to learn from it."""
    failure = read().failure

    assert failure is not None
    assert "The dataset contains no examples." == failure.message


def _fixture(name: str) -> Sequence[Any]:
    return [json.loads(line) for line in Path(DATASETS / name).read_text(encoding="utf-8").splitlines()]
