"""The keywords of `MockServer`, for type checkers.

Written by `make settings` from mockserver/settings and the schema.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal, TypedDict

from mockserver.state.clock import Clock


class WorldKeywords(TypedDict, total=False):
    """How a world begins and behaves."""

    clock: Clock | str
    start_time: datetime | str | None
    seed: int | str
    auth: Literal["any", "off", "strict"]
    accepted_credentials: Iterable[str] | str
    default_user: str
    as_of: date | str | None
    metadata_refresh_seconds: float | str
    lenient_routes: bool | str
    magic: bool | str
    safety_ratings: Literal["always", "real"]
    gcs_root: Path | str | None
    unknown_buckets: Literal["exist", "missing"]
    max_concurrent_jobs: int | str | None
    over_quota: Literal["wait", "refuse"]
    recordings: Path | str | None
    recordings_mode: Literal["fallback", "strict"]
    requests_per_minute: int | str | None
    tokens_per_minute: int | str | None
    requests_per_day: int | str | None
    tokens_per_day: int | str | None
    refuse_real_credentials: bool | str


class InterceptionKeywords(TypedDict, total=False):
    """What interception does to this process."""

    sleep: Literal["virtual", "virtual+clock", "real"]
    busy_polling: Literal["fail", "advance", "ignore"]
    fake_api_key: bool | str
    block_network: bool | str


class TunedModelKeywords(TypedDict, total=False):
    """The members of a tuned model that a create sets."""

    tuned_model_source: Mapping[str, Any]
    base_model: str
    display_name: str
    description: str
    tuning_task: Mapping[str, Any]
    temperature: float
    top_p: float
    top_k: int
    reader_project_numbers: Sequence[int]


class TuningJobKeywords(TypedDict, total=False):
    """The members of a tuning job that a create sets."""

    tuned_model_display_name: str
    description: str
    base_model: str
    supervised_tuning_spec: Mapping[str, Any]
    labels: Mapping[str, Any]
    encryption_spec: Mapping[str, Any]
    distillation_spec: Mapping[str, Any]
    partner_model_tuning_spec: Mapping[str, Any]
    service_account: str
    preference_optimization_spec: Mapping[str, Any]
    output_uri: str
    custom_base_model: str
    reinforcement_tuning_spec: Mapping[str, Any]
    pre_tuned_model: Mapping[str, Any]
    veo_tuning_spec: Mapping[str, Any]
    full_fine_tuning_spec: Mapping[str, Any]
    veo_lora_tuning_spec: Mapping[str, Any]
    distillation_sampling_spec: Mapping[str, Any]
