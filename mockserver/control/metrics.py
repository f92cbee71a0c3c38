"""The metrics of a server, in the format of Prometheus. It needs the extra [metrics]."""

from collections import Counter
from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from mockserver.dispatch import runs
from mockserver.dispatch.access_log import BUCKET_SECONDS, CallCounter
from mockserver.scripting.scenario import Scenario
from mockserver.simulation.tuning import State
from mockserver.state.world import Worlds


def print_metrics(worlds: Worlds, calls: CallCounter, accept: str) -> tuple[bytes, str]:
    """Return the metrics in the format that the header Accept asks for, and its content type."""
    registry = CollectorRegistry()
    registry.register(_Metrics(worlds, calls))
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


class _Metrics(Collector):
    """Reads the counts and the worlds when it is asked."""

    def __init__(self, worlds: Worlds, calls: CallCounter) -> None:
        self._worlds = worlds
        self._calls = calls

    def describe(self) -> Iterator[Metric]:
        """Describe nothing: the registry has no other metrics with which the names could collide."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        yield from self._collect_calls()
        yield self._collect_jobs()
        yield self._collect_faults()
        worlds = list(self._worlds)
        yield GaugeMetricFamily("mockserver_worlds", "Worlds, the default one included.", len(worlds))
        size = sum(world.calls.size for world in worlds)
        yield GaugeMetricFamily("mockserver_call_log_bytes", "The size of the logs of calls of all worlds.", size)

    def _collect_calls(self) -> Iterator[Metric]:
        names = ("method", "status")
        requests = CounterMetricFamily("mockserver_requests", "Requests, by method and status.", labels=names)
        latency = HistogramMetricFamily(
            "mockserver_request_seconds", "The time to answer a request, without injected latency.", labels=("method",)
        )
        by_method: dict[str, tuple[list[int], float]] = {}
        for (method, status), count in sorted(self._calls.counts.items()):
            requests.add_metric((method, status), sum(count.buckets))
            buckets, seconds = by_method.get(method, ([0] * len(count.buckets), 0.0))
            by_method[method] = [a + b for a, b in zip(buckets, count.buckets, strict=True)], seconds + count.seconds
        bounds = [*map(str, BUCKET_SECONDS), "+Inf"]
        for method, (buckets, seconds) in by_method.items():
            latency.add_metric((method,), list(zip(bounds, accumulate(buckets), strict=True)), seconds)
        yield requests
        yield latency

    def _collect_jobs(self) -> Metric:
        states = Counter(dict.fromkeys(State, 0))
        for world in self._worlds:
            states.update(runs.progress(world, stored.run).state for stored in runs.runs(world))
        jobs = GaugeMetricFamily("mockserver_jobs", "Tuning jobs of all worlds, by state.", labels=("state",))
        for state, number in states.items():
            jobs.add_metric((state.name,), number)
        return jobs

    def _collect_faults(self) -> Metric:
        injected: Counter[str] = Counter()
        for world in self._worlds:
            for record in Scenario(world.store).faults:
                injected[record.fault.method] += record.injected
        faults = CounterMetricFamily(
            "mockserver_faults_injected", "Calls into which a scripted fault was injected.", labels=("method",)
        )
        for method, number in sorted(injected.items()):
            faults.add_metric((method,), number)
        return faults
