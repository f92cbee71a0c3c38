"""The base models of every era, and how they train."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.catalog import base_models, training_plan
from mockserver.catalog.base_model import BaseModel, Shape, VertexTuning
from mockserver.catalog.base_models import parse_rows
from mockserver.simulation.tuning import Progress, Run, observe, snapshots

Json = dict[str, Any]

DAYS = st.dates(date(2023, 1, 1), date(2027, 1, 1))
CREATED = 1_760_000_000_000_000_000


def known(model_id: str, as_of: date | None = None, *, vertex: bool = False) -> BaseModel:
    """The model, which has to be there."""
    model = base_models.find(model_id, as_of, vertex=vertex)
    assert model is not None
    return model


@given(day=st.none() | DAYS, vertex=st.booleans())
def test_an_id_is_listed_once(day: date | None, *, vertex: bool) -> None:
    """On any day, or on all days at once, a model has one wording, and it is found by its id."""
    listed = base_models.models(day, vertex=vertex)

    assert len({model.id for model in listed}) == len(listed)
    assert all(base_models.find_listed(model.id, day, vertex=vertex) is model for model in listed)


LISTED = """
gemini-2.5-flash gemini-2.5-pro gemini-2.0-flash gemini-2.0-flash-001 gemini-2.0-flash-lite-001 gemini-2.0-flash-lite
gemini-2.5-flash-preview-tts gemini-2.5-pro-preview-tts gemma-4-26b-a4b-it gemma-4-31b-it gemini-flash-latest
gemini-flash-lite-latest gemini-pro-latest gemini-2.5-flash-lite gemini-2.5-flash-image gemini-3-pro-preview
gemini-3-flash-preview gemini-3.1-pro-preview gemini-3.1-pro-preview-customtools gemini-3.1-flash-lite-preview
gemini-3.1-flash-lite gemini-3-pro-image-preview gemini-3-pro-image nano-banana-pro-preview
gemini-3.1-flash-image-preview gemini-3.1-flash-image gemini-3.5-flash lyria-3-clip-preview lyria-3-pro-preview
gemini-3.1-flash-tts-preview gemini-robotics-er-1.5-preview gemini-robotics-er-1.6-preview
gemini-2.5-computer-use-preview-10-2025 antigravity-preview-05-2026 deep-research-max-preview-04-2026
deep-research-preview-04-2026 deep-research-pro-preview-12-2025 gemini-embedding-001 gemini-embedding-2-preview
gemini-embedding-2 aqa imagen-4.0-generate-001 imagen-4.0-ultra-generate-001 imagen-4.0-fast-generate-001
veo-2.0-generate-001 veo-3.0-generate-001 veo-3.0-fast-generate-001 veo-3.1-generate-preview
veo-3.1-fast-generate-preview veo-3.1-lite-generate-preview
""".split()  # noqa: SIM905 - words, not lines
"""The first page of ListModels on 2026-06-26, as a user recorded it."""


LISTED_IN_2025 = """
embedding-gecko-001 gemini-1.5-pro-latest gemini-1.5-pro-002 gemini-1.5-pro gemini-1.5-flash-latest gemini-1.5-flash
gemini-1.5-flash-002 gemini-1.5-flash-8b gemini-1.5-flash-8b-001 gemini-1.5-flash-8b-latest
gemini-2.5-pro-preview-03-25 gemini-2.5-flash-preview-05-20 gemini-2.5-flash gemini-2.5-flash-lite-preview-06-17
gemini-2.5-pro-preview-05-06 gemini-2.5-pro-preview-06-05 gemini-2.5-pro gemini-2.0-flash-exp gemini-2.0-flash
gemini-2.0-flash-001 gemini-2.0-flash-exp-image-generation gemini-2.0-flash-lite-001 gemini-2.0-flash-lite
gemini-2.0-flash-preview-image-generation gemini-2.0-flash-lite-preview-02-05 gemini-2.0-flash-lite-preview
gemini-2.0-pro-exp gemini-2.0-pro-exp-02-05 gemini-exp-1206 gemini-2.0-flash-thinking-exp-01-21
gemini-2.0-flash-thinking-exp gemini-2.0-flash-thinking-exp-1219 gemini-2.5-flash-preview-tts
gemini-2.5-pro-preview-tts learnlm-2.0-flash-experimental gemma-3-1b-it gemma-3-4b-it gemma-3-12b-it gemma-3-27b-it
gemma-3n-e4b-it gemma-3n-e2b-it gemini-2.5-flash-lite embedding-001 text-embedding-004 gemini-embedding-exp-03-07
gemini-embedding-exp gemini-embedding-001 aqa imagen-3.0-generate-002 imagen-4.0-generate-preview-06-06
""".split()  # noqa: SIM905 - words, not lines
"""The first page of ListModels on 2025-07-30, as a user recorded it."""

OF_JUNE_2025 = """
aqa embedding-001 embedding-gecko-001 gemini-1.0-pro-vision-latest gemini-1.5-flash gemini-1.5-flash-001
gemini-1.5-flash-001-tuning gemini-1.5-flash-002 gemini-1.5-flash-8b gemini-1.5-flash-8b-001
gemini-1.5-flash-8b-exp-0827 gemini-1.5-flash-8b-exp-0924 gemini-1.5-flash-8b-latest gemini-1.5-flash-latest
gemini-1.5-pro gemini-1.5-pro-001 gemini-1.5-pro-002 gemini-1.5-pro-latest gemini-2.0-flash gemini-2.0-flash-001
gemini-2.0-flash-exp gemini-2.0-flash-exp-image-generation gemini-2.0-flash-lite gemini-2.0-flash-lite-001
gemini-2.0-flash-lite-preview gemini-2.0-flash-lite-preview-02-05 gemini-2.0-flash-live-001
gemini-2.0-flash-preview-image-generation gemini-2.0-flash-thinking-exp gemini-2.0-flash-thinking-exp-01-21
gemini-2.0-flash-thinking-exp-1219 gemini-2.0-pro-exp gemini-2.0-pro-exp-02-05
gemini-2.5-flash-exp-native-audio-thinking-dialog gemini-2.5-flash-preview-04-17
gemini-2.5-flash-preview-04-17-thinking gemini-2.5-flash-preview-05-20 gemini-2.5-flash-preview-native-audio-dialog
gemini-2.5-flash-preview-native-audio-dialog-rai-v3 gemini-2.5-flash-preview-tts gemini-2.5-pro-exp-03-25
gemini-2.5-pro-preview-03-25 gemini-2.5-pro-preview-05-06 gemini-2.5-pro-preview-tts gemini-embedding-exp
gemini-embedding-exp-03-07 gemini-exp-1206 gemini-pro-vision gemma-3-12b-it gemma-3-1b-it gemma-3-27b-it gemma-3-4b-it
gemma-3n-e4b-it imagen-3.0-generate-002 learnlm-2.0-flash-experimental text-embedding-004 veo-2.0-generate-001
""".split()  # noqa: SIM905 - words, not lines
"""The models of 2025-06-04, by the changes between lists that a user kept; additions.md has their number."""


@pytest.mark.parametrize(("day", "page"), [(date(2025, 7, 30), LISTED_IN_2025), (date(2026, 6, 26), LISTED)])
def test_the_models_of_a_recorded_day_are_listed_in_its_order(day: date, page: list[str]) -> None:
    """All fifty of the first page, the retired ones among them."""
    assert page == [model.id for model in base_models.models(day)][:50]


def test_57_models_were_listed_on_2025_06_04() -> None:
    """additions.md, Model lists: previews and experiments among them."""
    listed = [model.id for model in base_models.models(date(2025, 6, 4))]

    assert 57 == len(listed)
    assert set(OF_JUNE_2025) == set(listed)


@pytest.mark.parametrize(
    ("model_id", "absent", "listed", "gone"),
    [
        ("gemini-2.5-flash-preview-04-17", "2025-04-10", "2025-04-19", "2025-08-01"),
        ("gemini-2.5-flash-preview-05-20", "2025-05-16", "2025-05-21", "2025-11-19"),
        ("gemini-2.5-pro-preview-06-05", "2025-05-21", "2025-06-06", "2025-12-07"),
        ("gemini-1.5-flash-001", "2024-05-01", "2025-06-06", "2025-06-17"),
        ("embedding-gecko-001", "2023-05-01", "2025-12-18", "2026-01-29"),
        ("text-embedding-004", "2024-04-01", "2026-01-29", "2026-03-12"),
        ("gemma-3-4b-it", "2025-03-31", "2026-04-16", "2026-06-04"),
        ("gemini-pro-latest", "2025-09-06", "2025-11-19", ""),
    ],
)
def test_a_model_is_listed_between_the_days_that_were_seen(model_id: str, absent: str, listed: str, gone: str) -> None:
    """Not on the last day without it, and not on the first day without it again."""
    days = [date.fromisoformat(day) for day in (absent, listed, gone or absent)]

    assert [False, True, False] == [model_id in {model.id for model in base_models.models(day)} for day in days]


@pytest.mark.parametrize(
    ("model_id", "day", "name"),
    [
        ("gemini-3-pro-preview", date(2026, 3, 5), "gemini-3-pro-preview"),
        ("gemini-3-pro-preview", date(2026, 3, 16), "gemini-3.1-pro-preview"),
        ("gemini-3-pro-preview", date(2026, 4, 2), "gemini-3.1-pro-preview"),
        ("gemini-3.1-flash-lite-image", date(2026, 7, 7), "gemini-3.1-flash-lite-image"),
        ("text-embedding-004", date(2026, 1, 16), "text-embedding-004"),
    ],
)
def test_a_model_answers_on_the_days_it_was_seen_to(model_id: str, day: date, name: str) -> None:
    """Under that name, which a recorded answer gives as its model version."""
    model = known(model_id, day)

    assert name == (model.answers_as or model.id)
    assert model in base_models.models(day)


@pytest.mark.parametrize(
    ("day", "model_id"),
    [
        (date(2025, 6, 4), "embedding-gecko-001"),
        (date(2025, 6, 4), "gemini-pro-vision"),
        (date(2025, 6, 4), "gemini-1.5-pro-001"),
        (date(2025, 6, 4), "gemini-1.5-flash-001"),
        (date(2026, 8, 19), "gemini-2.0-flash-lite-001"),
        (date(2026, 8, 19), "gemini-3-pro-preview"),
    ],
)
def test_a_retired_model_stays_listed_for_a_while(day: date, model_id: str) -> None:
    """It was seen listed on that day; it does not answer."""
    listed = base_models.find_listed(model_id, day)

    assert listed is not None
    assert (True, None) == (listed in base_models.models(day), base_models.find(model_id, day))


def test_every_id_is_there_without_a_day() -> None:
    """Whatever is listed on some day is listed when all days are one."""
    ever: set[str] = set()
    day = date(2023, 1, 1)
    while day < date(2027, 1, 1):
        ever |= {model.id for model in base_models.models(day)}
        day += timedelta(days=5)

    assert ever <= {model.id for model in base_models.models(None)}


@given(day=DAYS)
def test_what_says_it_can_be_tuned_can(day: date) -> None:
    """A model lists a tuning method on the days on which it is tuned."""
    for model in base_models.models(day):
        says = bool({"createTunedModel", "createTunedTextModel"} & set(model.methods))

        assert says == model.tunable(day)


def test_the_tunable_models_of_an_era() -> None:
    """PaLM in 2023, 1.0 Pro in spring 2024, 1.5 Flash from August 2024, and nothing since 2025-06-13."""
    eras = {
        date(2023, 9, 19): {"text-bison-001", "text-bison-tuning-test"},
        date(2024, 3, 14): {"text-bison-001", "text-bison-tuning-test", "gemini-1.0-pro-001"},
        date(2024, 10, 8): {"gemini-1.0-pro-001", "gemini-1.5-flash-001-tuning"},
        date(2025, 6, 4): {"gemini-1.5-flash-001-tuning"},
        date(2025, 6, 13): set(),
    }
    found = {day: {model.id for model in base_models.models(day) if model.tunable(day)} for day in eras}

    assert eras == found


def test_recorded_models_are_in_the_catalog(transcripts: Path) -> None:
    """Each recorded wording of a tunable model is some day's wording, member by member."""
    rows = [resource(row) for row in base_models.rows()]
    for recorded in json.loads((transcripts / "gemini-models-tunable.json").read_text())["models"]:
        assert recorded["model"] in rows


def test_the_wordings_that_all_days_share() -> None:
    """Without a day 1.0 Pro has its top-k, and 1.5 Flash the description of its last year."""
    assert known("gemini-1.0-pro-001").top_k == 1
    assert known("gemini-1.0-pro-001", date(2024, 12, 1)).top_k is None
    assert known("gemini-1.5-flash-001-tuning").description.endswith("released in May of 2024.")


@pytest.mark.parametrize(
    ("day", "top_k"), [(date(2024, 5, 31), None), (date(2024, 6, 1), 1), (date(2024, 12, 1), None)]
)
def test_the_top_k_of_1_0_pro_by_day(day: date, top_k: int | None) -> None:
    """additions.md, Model lists: none on 2024-05-31, 1 from 2024-06-01 on; the last wording has none [recorded]."""
    assert top_k == known("gemini-1.0-pro-001", day).top_k


def test_vertex_tunes_what_its_documents_say() -> None:
    """In autumn 2026 five models; earlier the 1.5 and 2.0 ones."""
    autumn, spring = date(2026, 9, 10), date(2025, 3, 10)
    now, then = (
        {model.id for model in base_models.models(day, vertex=True) if model.tunes_on_vertex(day)}
        for day in (autumn, spring)
    )

    assert now == {
        "gemini-3.5-flash",
        "gemini-3.1-flash-lite",
        "gemini-2.5-pro",
        "gemini-2.5-flash",
        "gemini-2.5-flash-lite",
    }
    assert {"gemini-1.5-flash-002", "gemini-1.5-pro-002", "gemini-2.0-flash-001"} <= then


def test_adapter_sizes_of_vertex_models() -> None:
    """Up to 16, but up to 8 for 2.5 Pro and 2.0."""
    assert known("gemini-2.5-flash", vertex=True).adapter_sizes == (1, 2, 4, 8, 16)
    assert known("gemini-2.5-pro", vertex=True).adapter_sizes == (1, 2, 4, 8)
    assert known("gemini-2.0-flash-001", vertex=True).adapter_sizes == (1, 2, 4, 8)


@pytest.mark.parametrize(
    ("model_id", "examples", "expected"),
    [
        ("gemini-1.5-flash-001-tuning", 15, (5, 4, 0.001)),
        ("gemini-1.5-flash-001-tuning", 5000, (5, 16, 0.0002)),
        ("text-bison-001", 15, (10, 16, 0.002)),
        ("text-bison-001", 5000, (10, 64, 0.0002)),
    ],
)
def test_hyperparameters_nobody_chose(model_id: str, examples: int, expected: tuple[int, int, float]) -> None:
    """Published pairs, by generation and number of examples."""
    chosen = training_plan.defaults(known(model_id), examples)

    assert expected == (chosen.epochs, chosen.batch, chosen.learning_rate)


@pytest.mark.parametrize(
    ("model_id", "examples", "expected"),
    [("gemini-1.5-flash-002", 500, (10, 1.0, 8)), ("gemini-2.0-flash-001", 90, (40, 0.5, 4))],
)
def test_hyperparameters_vertex_fills_in(model_id: str, examples: int, expected: tuple[int, float, int]) -> None:
    """Those of two finished jobs."""
    chosen = training_plan.vertex_defaults(known(model_id, vertex=True), examples)

    assert expected == (chosen.epochs, chosen.learning_rate_multiplier, chosen.adapter_size)


def test_a_model_vertex_never_tuned_has_no_tuning() -> None:
    """Asking for its defaults is a mistake of the caller."""
    with pytest.raises(ValueError, match="cannot be tuned"):
        training_plan.vertex_defaults(known("gemini-2.0-flash", vertex=True), 10)


@given(
    model_id=st.sampled_from(["text-bison-001", "gemini-1.0-pro-001", "gemini-1.5-flash-001-tuning"]),
    batch=st.sampled_from([2, 4, 16]),
    seed=st.integers(),
)
def test_runs_of_the_developer_api_keep_to_recorded_times(model_id: str, batch: int, seed: int) -> None:
    """Start, first snapshot and end lie within what was recorded."""
    base = known(model_id)
    run = Run(CREATED, seed, model_id, 25, 10, batch, 0.001, 1, training_plan.pace(base, batch, seed))
    progress = observe(run, CREATED + 10**13)
    taken = snapshots(run, progress)
    started, ended = times(progress)

    assert 0.08 <= (started - CREATED) / 1e9 <= 1.1001
    assert 1.8 <= (taken[0].computed - started) / 1e9 <= 5.1 * max(base.step_seconds / 1.33, 1)
    assert 0.0799 <= (ended - taken[-1].computed) / 1e9 <= 0.4701


@pytest.mark.parametrize(
    ("model_id", "batch", "least", "most"),
    [
        ("text-bison-001", 4, 1.17, 1.48),
        ("text-bison-001", 16, 2.35, 2.9),
        ("gemini-1.5-flash-001-tuning", 4, 2.1, 2.6),
    ],
)
def test_steps_take_their_recorded_time(model_id: str, batch: int, least: float, most: float) -> None:
    """Seconds a step, on the mean."""
    for seed in range(20):
        run = Run(CREATED, seed, model_id, 25, 50, batch, 0.001, 1, training_plan.pace(known(model_id), batch, seed))
        taken = snapshots(run, observe(run, CREATED + 10**13))
        mean = (taken[-1].computed - taken[0].computed) / 1e9 / (len(taken) - 1)

        assert least < mean < most


@pytest.mark.parametrize(
    ("model_id", "examples", "epochs", "total", "minutes"),
    [
        ("gemini-1.5-flash-002", 500, 10, 67, 12.45),
        ("gemini-2.0-flash-001", 90, 40, 200, 30.2),
        ("gemini-2.0-flash-001", 500, 10, 152, 24.2),
        ("gemini-2.5-flash", 1590, 3, 145, 14.0),
        ("gemini-1.5-pro-002", 500, 10, 67, 32.0),
    ],
)
def test_jobs_of_vertex_last_as_long_as_recorded(
    model_id: str, examples: int, epochs: int, total: int, minutes: float
) -> None:
    """Within two minutes of the recorded job; steps as recorded where they were."""
    base = known(model_id, vertex=True)
    batch = training_plan.vertex_defaults(base, examples).batch
    for seed in range(20):
        run = Run(CREATED, seed, model_id, examples, epochs, batch, 0.001, 1, training_plan.vertex_pace(base, seed))
        progress = observe(run, CREATED + 10**13)
        started, ended = times(progress)

        assert total == progress.total_steps
        assert 0.036 <= (started - CREATED) / 1e9 <= 0.072
        assert abs((ended - started) / 6e10 - minutes) < 2


def test_shapes_follow_generations() -> None:
    """Which shape an answer has is the model's, whatever the day."""
    shapes = {
        "text-bison-001": Shape.PALM,
        "gemini-1.0-pro-001": Shape.V1_0,
        "gemini-1.5-flash": Shape.V1_5,
        "gemini-2.0-flash": Shape.V2_0,
        "gemini-2.5-flash": Shape.V2_5,
    }

    assert shapes == {model_id: known(model_id).shape for model_id in shapes}


def times(progress: Progress) -> tuple[int, int]:
    """Start and end of a run that has both."""
    assert progress.started is not None
    assert progress.ended is not None
    return progress.started, progress.ended


def resource(row: BaseModel) -> dict[str, Any]:
    """The row as the Developer API prints it."""
    members: dict[str, Any] = {
        "name": row.name,
        "version": row.version,
        "displayName": row.display_name,
        "description": row.description,
        "inputTokenLimit": row.input_token_limit,
        "outputTokenLimit": row.output_token_limit,
        "supportedGenerationMethods": list(row.methods),
        "temperature": row.temperature,
        "topP": row.top_p,
        "topK": row.top_k,
        "maxTemperature": row.max_temperature,
    }
    return {name: value for name, value in members.items() if value is not None}


ROW: Json = {
    "id": "one",
    "version": "001",
    "display_name": "One",
    "description": "",
    "input_token_limit": 10,
    "output_token_limit": 10,
    "methods": ["generateContent"],
    "temperature": None,
    "top_p": None,
    "top_k": None,
    "max_temperature": None,
    "thinking": False,
    "shape": "2.5",
    "released": "2026-01-02",
}


def test_a_row_inherits_what_it_leaves_out() -> None:
    """Also from a row further down, and through one between; but neither its note nor that it is dated."""
    one, two, old = parse_rows(
        [
            {"id": "one", "like": "two", "top_k": 3, "note": "seen"},
            {"id": "two", "like": "zero", "note": "our choice", "retired": "2026-03-04"},
            {"id": "two", "like": "two", "retired": None, "dated": True},
            {**ROW, "id": "zero"},
        ]
    )[:3]

    assert ("one", "One", 3, date(2026, 3, 4)) == (one.id, one.display_name, one.top_k, one.retired)
    assert ("two", None, False) == (two.id, two.top_k, two.dated)
    assert ("two", None, True) == (old.id, old.retired, old.dated)


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([ROW | {"colour": "red"}], "base model 'one': .*unexpected keyword argument 'colour'"),
        ([{name: value for name, value in ROW.items() if name != "top_p"}], "base model 'one': .*'top_p'"),
        ([ROW | {"shape": "9"}], "base model 'one': '9' is not a valid Shape"),
        ([ROW | {"released": "spring"}], "base model 'one': .*'spring'"),
        ([ROW | {"vertex": {"since": "2026-01-01"}}], "base model 'one': .*'until'"),
        ([{"id": "one", "like": "two"}], "base model 'one': 'like' names no row: 'two'"),
        ([{"id": "one", "like": "two"}, {"id": "two", "like": "one"}], "base model 'one': 'like' goes in a circle"),
        ([ROW, ROW], "base model 'one': two rows without 'dated'"),
    ],
)
def test_a_wrong_row_is_named(rows: list[Json], sentence: str) -> None:
    """The error says which row is wrong, and what is wrong with it."""
    with pytest.raises(ValueError, match=sentence):
        parse_rows(rows)


def test_values_are_of_the_types_of_their_members() -> None:
    """JSON does not check them, and neither does a data class."""
    tables: list[BaseModel | VertexTuning] = [*base_models.rows()]
    tables += [row.vertex for row in base_models.rows() if row.vertex]
    wrong = [
        (row, name)
        for row in tables
        for name, hint in get_type_hints(type(row)).items()
        if not isinstance(getattr(row, name), getattr(hint, "__origin__", hint))
    ]

    assert [] == wrong
