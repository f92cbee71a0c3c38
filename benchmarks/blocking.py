"""Measures how long polls take while another client lists: on a socket, in wall time.

    .venv/bin/python benchmarks/blocking.py [STORED]

STORED (default 2,000) tuning jobs are created over HTTP. Then one client polls a job, first alone, then while another
one reads a page of the list every 100 ms. Prints percentiles of the polls. Linux only.
"""

import http.client
import json
import statistics
import sys
import threading
import time

from processes import free_port, need_linux, ours, running

LOCATION = "/v1/projects/p/locations/us-central1"
HEADERS = {"authorization": "Bearer any@example.com", "content-type": "application/json"}
JOB = {"baseModel": "gemini-2.0-flash-001", "supervisedTuningSpec": {"trainingDatasetUri": "gs://b/train.jsonl"}}
POLLS = 2_000


def send(connection: http.client.HTTPConnection, verb: str, path: str, body: bytes | None = None) -> bytes:
    """Send a request, return the body of the answer."""
    connection.request(verb, path, body, HEADERS)
    response = connection.getresponse()
    content = response.read()
    if response.status != 200:
        raise SystemExit(content.decode())
    return content


def poll(port: int, name: str) -> list[float]:
    """Return the milliseconds of each poll, sorted."""
    connection, spent = http.client.HTTPConnection("127.0.0.1", port), []
    for _ in range(POLLS):
        start = time.perf_counter()
        send(connection, "GET", f"/v1/{name}")
        spent.append(1000 * (time.perf_counter() - start))
    return sorted(spent)


def list_until(port: int, done: threading.Event) -> None:
    """Read the first page of the list every 100 ms."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    while not done.wait(0.1):
        send(connection, "GET", f"{LOCATION}/tuningJobs")


def main() -> None:
    """Create the jobs, poll alone and beside a client that lists, print percentiles."""
    need_linux()
    stored = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    port = free_port()
    with running(ours(port), port):
        connection = http.client.HTTPConnection("127.0.0.1", port)
        names = [
            json.loads(send(connection, "POST", f"{LOCATION}/tuningJobs", json.dumps(JOB).encode()))["name"]
            for _ in range(stored)
        ]
        alone = poll(port, names[0])
        done = threading.Event()
        lister = threading.Thread(target=list_until, args=(port, done))
        lister.start()
        beside = poll(port, names[0])
        done.set()
        lister.join()
    print(f"{POLLS} polls of a tuning job with {stored} stored: median and 99th percentile, ms")
    for title, spent in (("alone", alone), ("while another client lists", beside)):
        print(f"  {title:28} {statistics.median(spent):6.2f}  {spent[int(0.99 * len(spent))]:6.2f}")


if __name__ == "__main__":
    main()
