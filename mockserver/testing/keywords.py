"""The keywords of `MockServer`, for type checkers. Written by `make settings` from mockserver/settings.py."""

from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from typing import Literal, TypedDict

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
    max_concurrent_jobs: int | str | None
    over_quota: Literal["wait", "refuse"]
    refuse_real_credentials: bool | str


class InterceptionKeywords(TypedDict, total=False):
    """What interception does to this process."""

    sleep: Literal["virtual", "real"]
    block_network: bool | str
