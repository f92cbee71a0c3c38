"""Measures what a page of a list costs with few and with many records, inside the process.

    .venv/bin/python benchmarks/growth.py [MOST]

Prints the milliseconds of each list with 100 records, and the ratio with ten times as many, up to MOST (default
10,000; 100,000 takes some minutes to store). Only the ratios are meaningful: flat is 1.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from in_process import request_function

from mockserver.app import create_app
from mockserver.doors.inprocess import App
from mockserver.gemini.store import TUNED_MODELS
from mockserver.state.clock import ManualClock
from mockserver.state.world import Settings, World
from mockserver.vertex.records import TUNING_JOBS, insert_tuning_job

LEAST = 100
LOCATION = "/v1/projects/p/locations/us-central1"
BEARER = [("authorization", "Bearer any@example.com"), ("content-type", "application/json")]
KEY = [("x-goog-api-key", "any"), ("content-type", "application/json")]
MODEL = {
    "displayName": "bench",
    "baseModel": "models/gemini-1.5-flash-001-tuning",
    "tuningTask": {"trainingData": {"examples": {"examples": [{"textInput": "1", "output": "2"}]}}},
}
JOB = {"baseModel": "gemini-2.0-flash-001", "supervisedTuningSpec": {"trainingDatasetUri": "gs://b/train.jsonl"}}

REQUESTS = {
    "tunedModels, 50": ("gemini", "/v1beta/tunedModels?pageSize=50", 1.0),
    "  filter=owner:me": ("gemini", "/v1beta/tunedModels?pageSize=50&filter=owner:me", 1.0),
    "operations, 50": ("gemini", "/v1/operations?pageSize=50", 1.0),
    "tuningJobs, 100 running": ("vertex", f"{LOCATION}/tuningJobs", 0.1),
    "tuningJobs, 100 ended": ("vertex", f"{LOCATION}/tuningJobs", 20.0),
    "models, 100": ("vertex", f"{LOCATION}/models", 20.0),
    "endpoints, 100": ("vertex", f"{LOCATION}/endpoints", 20.0),
    "contexts, 100": ("vertex", f"{LOCATION}/metadataStores/default/contexts", 20.0),
    "create under a quota": ("quota", f"{LOCATION}/tuningJobs", 20.0),
}


def with_tuned_models(number: int) -> tuple[World, App]:
    """A world with that many tuned models."""
    world = World(ManualClock(datetime(2025, 5, 1, tzinfo=UTC)), Settings(seed=1))
    app = create_app(world)
    request_function(app, "POST", "/v1beta/tunedModels", json.dumps(MODEL).encode(), KEY)()
    (entry,) = world.store.walk(TUNED_MODELS)
    for count in range(1, number):
        run = replace(entry.record.run, seed=count, created=entry.record.run.created + count * 1_000_000)
        name = f"tunedModels/m{count}"
        world.store.insert(TUNED_MODELS, name, replace(entry.record, name=name, run=run))
    return world, app


def with_tuning_jobs(number: int, limit: int | None = None) -> tuple[World, App]:
    """A world with that many tuning jobs, started a millisecond apart."""
    clock = ManualClock(datetime(2026, 10, 1, tzinfo=UTC))
    world = World(clock, Settings(seed=1, max_concurrent_jobs=limit))
    app = create_app(world)
    request_function(app, "POST", f"{LOCATION}/tuningJobs", json.dumps(JOB).encode(), BEARER)()
    (entry,) = world.store.walk(TUNING_JOBS)
    first, parent = entry.record, entry.name.rpartition("/tuningJobs/")[0]
    for count in range(1, number):
        job = replace(
            first,
            name=f"{parent}/tuningJobs/{count}",
            model=f"{parent}/models/{count}",
            endpoint=f"{parent}/endpoints/{count}",
            checkpoints=(),
            run=replace(first.run, seed=count, created=first.run.created + count * 1_000_000),
        )
        world.store.transact(partial(insert_tuning_job, job=job))
    return world, app


WORLDS: dict[str, Callable[[int], tuple[World, App]]] = {
    "gemini": with_tuned_models,
    "vertex": with_tuning_jobs,
    "quota": partial(with_tuning_jobs, limit=2),
}


def milliseconds(send: Callable[[], bytes]) -> float:
    """Return the least processor time of some calls: what others do on the machine only adds to it."""
    least = float("inf")
    for _ in range(9):
        start = time.process_time()
        send()
        least = min(least, time.process_time() - start)
    return 1000 * least


def measure(number: int) -> dict[str, float]:
    """Return the milliseconds of each request with that many records."""
    spent = {}
    for service, make in WORLDS.items():
        world, app = make(number)
        start = world.clock.now()
        for name, (of, path, hours) in REQUESTS.items():
            if of != service:
                continue
            world.clock.advance_to(start + round(hours * 3600e9))
            verb, body = ("POST", json.dumps(JOB).encode()) if of == "quota" else ("GET", b"")
            headers = KEY if of == "gemini" else BEARER
            spent[name] = milliseconds(request_function(app, verb, path, body, headers))
    return spent


def main() -> None:
    """Measure each number of records, print the ratios."""
    most = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    numbers = [LEAST * 10**power for power in range(10) if LEAST * 10**power <= most]
    rows = [measure(number) for number in numbers]
    print(
        f"a page with {LEAST} records stored, and the ratio with {', '.join(f'{number:,}' for number in numbers[1:])}"
    )
    for name in REQUESTS:
        ratios = "  ".join(f"{row[name] / rows[0][name]:6.2f}" for row in rows[1:])
        print(f"  {name:28} {rows[0][name]:7.2f} ms  {ratios}")


if __name__ == "__main__":
    main()
