"""Keeps workers on one database at full load, and says whether their memory grows and whether any request failed.

    python -m contract_tests.use.store_soak [SECONDS] [--workers N] [--store URL]

By default it starts a PostgreSQL server of its own. Clients in processes of their own create, get, list, change and
delete models, send prompts, and read the log of calls. Memory is the proportional set size of all workers, after the
first tenth of the time, in its middle and at its end.
"""

import argparse
import multiprocessing
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.pool import AsyncResult
from pathlib import Path

import httpx

from contract_tests.postgres import postgres
from contract_tests.use.kills import BASE, EXAMPLES
from contract_tests.use.serving import serving

CLIENTS = 4
KEPT = 20
"""How many models a client keeps: then each create is followed by a delete, so that the store does not grow."""


WEIGHTS = {"create": 10, "generate": 20, "get": 30, "list": 10, "patch": 10, "answer": 20, "log": 0.2}
"""How often a client sends each kind of request. Reading the log of calls takes as long as many others."""


@dataclass(frozen=True)
class Tally:
    """What came of it. Memory is in MiB."""

    requests: int
    errors: tuple[str, ...]
    memory: tuple[float, ...]


def soak(seconds: float, options: list[str], workers: int, folder: Path) -> Tally:
    """Send requests for so long."""
    with (
        serving(folder / "log", "--quiet", "--clock", "600x", "--workers", str(workers), *options) as served,
        multiprocessing.get_context("spawn").Pool(CLIENTS) as pool,
    ):
        children = Path(f"/proc/{served.pid}/task/{served.pid}/children").read_text().split()
        began = time.monotonic()  # noqa: TID251 - a real server for a real time
        results = [pool.apply_async(_send_requests, (served.base_url, number, seconds)) for number in range(CLIENTS)]
        memory = list(_measure(children, began, seconds))
        tallies = [_result(result) for result in results]
    errors = sum((Counter(errors) for _, errors in tallies), Counter())
    return Tally(
        sum(requests for requests, _ in tallies), tuple(f"{n} times {e}" for e, n in errors.items()), tuple(memory)
    )


def _result(result: "AsyncResult[tuple[int, list[str]]]") -> tuple[int, list[str]]:
    return result.get(120)


def _measure(processes: list[str], began: float, seconds: float) -> Iterator[float]:
    for share in (0.1, 0.5, 1.0):
        time.sleep(max(0.0, began + share * seconds - time.monotonic()))  # noqa: TID251 - as above
        yield sum(_megabytes(process) for process in processes)


def _megabytes(process: str) -> float:
    rows = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    return next(int(row.split()[1]) for row in rows if row.startswith("Pss:")) / 1024


def _send_requests(url: str, number: int, seconds: float) -> tuple[int, list[str]]:
    """Send requests for so long; return how many, and the errors."""
    rng, errors, count = random.Random(number), [], 0
    models: list[str] = []
    end = time.monotonic() + seconds  # noqa: TID251 - as above
    with httpx.Client(base_url=url, headers={"x-goog-api-key": f"soak-{number}"}, timeout=30) as client:
        while time.monotonic() < end:  # noqa: TID251 - as above
            count += 1
            verb, path, body = _choose(rng, models, f"s{number}-{count}")
            try:
                answer = client.request(verb, path, json=body)
            except httpx.TransportError as error:
                errors.append(f"{verb} {path.rpartition('/')[0]}: {error!r}")
                continue
            # A model that is not ready yet refuses prompts [seen]: that is an answer.
            if answer.status_code != 200 and not (path.endswith("Content") and answer.status_code == 400):
                errors.append(f"{verb} {path.rpartition('/')[0]}: {answer.status_code} {answer.text[:200]}")
    return count, errors


def _choose(rng: random.Random, models: list[str], name: str) -> tuple[str, str, object]:
    if len(models) > KEPT:
        return "DELETE", f"/v1beta/tunedModels/{models.pop(0)}", None
    (kind,) = rng.choices(list(WEIGHTS), list(WEIGHTS.values()))
    if kind == "create" or not models:
        models.append(name)
        body = {"displayName": "x", "baseModel": BASE, "tuningTask": {"trainingData": EXAMPLES}}
        return "POST", f"/v1beta/tunedModels?tunedModelId={name}", body
    path = f"/v1beta/tunedModels/{rng.choice(models)}"
    prompt = {"contents": [{"parts": [{"text": "one"}]}]}
    requests: dict[str, tuple[str, str, object]] = {
        "generate": ("POST", f"{path}:generateContent", prompt),
        "get": ("GET", path, None),
        "list": ("GET", "/v1beta/tunedModels?pageSize=10", None),
        "patch": ("PATCH", path, {"description": name}),
        "answer": ("POST", "/v1beta/models/gemini-1.5-flash:generateContent", prompt),
        "log": ("GET", "/_mock/calls?last=5", None),
    }
    return requests[kind]


def main() -> int:
    """Print the tally; 1 if a request failed."""
    parser = argparse.ArgumentParser(prog="python -m contract_tests.use.store_soak", description=__doc__)
    parser.add_argument("seconds", type=float, nargs="?", default=600.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--store", help="a PostgreSQL server of its own by default")
    chosen = parser.parse_args()
    store = chosen.store or postgres().create_database("soak")
    with tempfile.TemporaryDirectory() as folder:
        tally = soak(chosen.seconds, ["--store", store], chosen.workers, Path(folder))
    memory = " MiB, ".join(f"{size:.0f}" for size in tally.memory)
    print(f"{tally.requests} requests in {chosen.seconds:.0f} s, {len(tally.errors)} errors; memory {memory} MiB")  # noqa: T201 - for who runs it
    for sentence in tally.errors:
        print(f"    {sentence}")  # noqa: T201 - as above
    return 1 if tally.errors else 0


if __name__ == "__main__":
    sys.exit(main())
