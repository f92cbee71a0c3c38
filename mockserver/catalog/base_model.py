"""What is known of a base model: what it was called, could do, and on which days.

The models themselves are rows of `base_models.json`. Names, versions, limits and sampling defaults
there are the published ones, except where a row's note says that they are our choice; days are
those of the release notes and deprecation pages, the first of a month where only that is known.
"""

from dataclasses import dataclass
from datetime import date
from enum import Enum


class Shape(Enum):
    """How an answer of the model is shaped; it changed from one generation to the next."""

    PALM = "PaLM"
    V1_0 = "1.0"
    V1_5 = "1.5"
    V2_0 = "2.0"
    V2_5 = "2.5"


@dataclass(frozen=True, slots=True)
class VertexTuning:
    """How Vertex AI tunes a model. A job's steps are `ceil(examples * epochs / batch)` there too.

    `batch` is at most `largest_batch`, and a fifth of a small dataset: neither is published; so
    chosen, the 67, 152 and 12 to 30 minutes of recorded jobs come out.
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
    """A model as the services list it. What is None is absent from its resource.

    `methods` are the names of `supportedGenerationMethods`. `released` and `retired` bound the days
    on which it answers. A row marked `dated` is an older or newer wording of another row: only a
    server as of a date in its time shows it. `developer_api` is False for models of Vertex AI only.
    `answers_as` is the id its answers name, where that is another: an alias's target.
    `step_seconds` and `first_step_seconds` are a tuning step's time at batch size 4.
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
        """The resource name on the Developer API."""
        return f"models/{self.id}"

    @property
    def vertex_tunable(self) -> bool:
        """Whether Vertex AI ever tuned it."""
        return self.vertex is not None

    @property
    def adapter_sizes(self) -> tuple[int, ...]:
        """The adapter sizes Vertex AI tunes it with."""
        return self.vertex.adapter_sizes if self.vertex else ()

    def available(self, as_of: date | None) -> bool:
        """Whether it answers on that day; without a day every model does, in one wording."""
        if as_of is None:
            return not self.dated
        return self.released <= as_of and (self.retired is None or as_of < self.retired)

    def tunable(self, as_of: date | None) -> bool:
        """Whether the Developer API tunes it on that day."""
        return _within(self.tunable_from, self.tunable_until, as_of)

    def tunes_on_vertex(self, as_of: date | None) -> bool:
        """Whether Vertex AI tunes it on that day."""
        return self.vertex is not None and _within(self.vertex.since, self.vertex.until, as_of)


def _within(since: date | None, until: date | None, as_of: date | None) -> bool:
    if since is None or as_of is None:
        return since is not None
    return since <= as_of and (until is None or as_of < until)
