"""Whether to send traces by OpenTelemetry: its standard variables say so."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mockserver.settings.extras import install_command

if TYPE_CHECKING:
    from mockserver.doors.tracing import Tracing

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
EXPORTER = "OTEL_TRACES_EXPORTER"
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")


def open_tracing(environ: Mapping[str, str]) -> tuple["Tracing | None", str]:
    """Return what sends traces, None if none are wanted; and why they are not sent although they are, else "".

    The variables may be meant for all programs of a machine, so they never keep the server from starting.
    """
    exporters = {name.strip() for name in environ.get(EXPORTER, "").split(",")} - {""}
    wanted = exporters or ({"otlp"} if any(environ.get(name) for name in ENDPOINTS) else set())
    wanted -= {"none"}
    if not wanted or environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None, ""
    if unknown := wanted - {"otlp"}:
        return None, f"no traces are sent: {EXPORTER} is {', '.join(sorted(unknown))}, and only otlp is known"
    protocol = next((environ[name] for name in PROTOCOLS if environ.get(name)), "http/protobuf")
    if protocol != "http/protobuf":
        return None, f"no traces are sent: OTLP is spoken by http/protobuf only, not by {protocol}"
    try:
        from mockserver.doors.tracing import Tracing
    except ModuleNotFoundError as missing:
        return None, f"no traces are sent: {missing.name} is not installed. Run: {install_command('otel')}"
    return Tracing(), ""
