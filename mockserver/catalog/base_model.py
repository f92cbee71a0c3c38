"""The type of a base model: its names, limits and days.

The models are rows of `base_models.json`. Names, versions, limits and sampling defaults are the published ones, unless
a row's note says that they are our choice. Days come from release notes and deprecation pages; if only the month is
known, it is the first day.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from sys import intern


class Shape(StrEnum):
    """The format of the model's answers, by generation."""

    PALM = "PaLM"
    V1_0 = "1.0"
    V1_5 = "1.5"
    V2_0 = "2.0"
    V2_5 = "2.5"


@dataclass(frozen=True, slots=True)
class VertexTuning:
    """How Vertex AI tunes a model. A job has `ceil(examples * epochs / batch)` steps there too.

    `batch` is at most `largest_batch`, and a fifth of a small dataset. Neither is published; with these numbers jobs
    take the recorded 67, 152 and 12 to 30 minutes.
    """

    since: date
    until: date | None
    adapter_sizes: tuple[int, ...]
    adapter_size: int
    learning_rate_multiplier: float
    step_seconds: float
    largest_batch: int = 33


@dataclass(frozen=True, slots=True)
class BaseModel:
    """A model as the services list it. A member that is None is absent from its resource.

    `methods` is `supportedGenerationMethods`. The model answers from the day `released` until the day before `retired`.
    Lists may have it longer: until the day before `listed_until`.
    A `dated` row is an older or newer version of another row: only a world with an as-of day in its time has it.
    `developer_api` is False for models that only Vertex AI has. `answers_as` is the model id in answers, if it differs:
    the target of an alias. `step_seconds` and `first_step_seconds` are the duration of a tuning step at batch size 4.
    """

    id: str
    version: str
    display_name: str
    description: str
    input_token_limit: int
    output_token_limit: int
    methods: tuple[str, ...]
    temperature: float | None
    top_p: float | None
    top_k: int | None
    max_temperature: float | None
    thinking: bool
    shape: Shape
    released: date
    retired: date | None = None
    listed_until: date | None = None
    dated: bool = False
    developer_api: bool = True
    vertex_api: bool = False
    tunable_from: date | None = None
    tunable_until: date | None = None
    vertex: VertexTuning | None = None
    step_seconds: float = 1.33
    first_step_seconds: float = 3.0
    embedding_dimensions: int | None = None
    answers_as: str = ""

    @property
    def name(self) -> str:
        """Return the resource name on the Developer API, one string for all that keep it."""
        return intern(f"models/{self.id}")

    @property
    def vertex_tunable(self) -> bool:
        """Return whether Vertex AI ever tuned it."""
        return self.vertex is not None

    @property
    def adapter_sizes(self) -> tuple[int, ...]:
        """Return the adapter sizes with which Vertex AI tunes it."""
        return self.vertex.adapter_sizes if self.vertex else ()

    def available(self, as_of: date | None) -> bool:
        """Return whether it answers on that day; without a day every row does that is not `dated`."""
        if as_of is None:
            return not self.dated
        return self.released <= as_of and (self.retired is None or as_of < self.retired)

    def listed(self, as_of: date | None) -> bool:
        """Return whether lists have it on that day: models stay listed for months after they are retired."""
        is_left = as_of is not None and self.listed_until is not None and self.released <= as_of < self.listed_until
        return self.available(as_of) or is_left

    def tunable(self, as_of: date | None) -> bool:
        """Return whether the Developer API tunes it on that day."""
        return _within(self.tunable_from, self.tunable_until, as_of)

    def tunes_on_vertex(self, as_of: date | None) -> bool:
        """Return whether Vertex AI tunes it on that day."""
        return self.vertex is not None and _within(self.vertex.since, self.vertex.until, as_of)


def _within(since: date | None, until: date | None, as_of: date | None) -> bool:
    if since is None or as_of is None:
        return since is not None
    return since <= as_of and (until is None or as_of < until)
