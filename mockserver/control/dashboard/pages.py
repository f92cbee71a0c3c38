"""The pages of the dashboard, by path: each returns what its template needs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from mockserver.control.calls import describe_call
from mockserver.control.dashboard import charts, exports
from mockserver.dispatch.quotas import list_quotas
from mockserver.dispatch.route_table import RouteTable
from mockserver.inspection import evidence, jobs
from mockserver.inspection.services import method_ids, route_table
from mockserver.rpc.errors import ApiError, Code
from mockserver.scripting.scenario import Scenario
from mockserver.settings import Settings, declarations
from mockserver.state.clock import to_datetime
from mockserver.state.world import World, WorldCredentials, Worlds

Json = dict[str, Any]

PAGE_SIZE = 50
LOG_SIZE = 200

TITLES = {
    "/": "Jobs",
    "/ui/traffic": "Traffic",
    "/ui/scenario": "Scenario",
    "/ui/worlds": "Worlds",
    "/ui/connect": "Connect",
}


@dataclass(frozen=True, slots=True)
class PageRequest:
    """What a page is made from. `url` is the address that the browser used; `form` is what was typed, after a POST."""

    worlds: Worlds
    world: World
    table: RouteTable
    url: str
    query: Mapping[str, str]
    form: Mapping[str, str] = field(default_factory=dict)
    answer: Json | None = None

    def number(self, name: str) -> int:
        """Return a number of the query, 0 without one. Raises ApiError INVALID_ARGUMENT."""
        text = self.query.get(name, "0")
        if not text.isascii() or not text.isdigit() or len(text) > 15:
            raise ApiError(Code.INVALID_ARGUMENT, f"{name} must be a number of at least 0, not {text[:100]!r}")
        return int(text)


@dataclass(frozen=True, slots=True)
class Page:
    """A page: its template, and what goes into it."""

    template: str
    make: Callable[[PageRequest], Json]


def show_jobs(request: PageRequest) -> Json:
    """Return the jobs of both services, newest first."""
    offset = request.number("offset")
    rows, total = jobs.list_jobs(request.world, limit=PAGE_SIZE, offset=offset)
    return {"jobs": rows, "total": total, "offset": offset, "size": PAGE_SIZE}


def show_job(request: PageRequest) -> Json:
    """One job with its losses, its data and its resource."""
    name, scale = request.query.get("name", ""), request.query.get("scale", "linear")
    try:
        detail = jobs.describe_job(request.world, name)
    except LookupError as error:
        raise ApiError(Code.NOT_FOUND, str(error)) from None
    histograms = [
        (title, charts.draw_histogram(buckets, title)) for title, buckets in jobs.walk_histograms(detail.resource)
    ]
    if detail.lengths:
        title = "characters of the inputs"
        histograms.append((title, charts.draw_histogram(charts.count_lengths(detail.lengths), title)))
    return {
        "detail": detail,
        "scale": scale,
        "chart": charts.draw_curves(detail.curves, detail.job.total_steps, log_scale=scale == "log"),
        "histograms": histograms,
        "resource": pretty(detail.resource),
        "prompt": request.form.get("prompt", ""),
        "answer": request.answer,
    }


def show_traffic(request: PageRequest) -> Json:
    """Return the newest calls, newest first."""
    numbered = request.world.calls.newest(LOG_SIZE)
    return {
        "calls": numbered[::-1],
        "last": max((number for number, _ in numbered), default=request.world.calls.last_number),
    }


def show_call(request: PageRequest) -> Json:
    """One call with its messages, its evidence, and ways to repeat it."""
    entry = request.world.calls.find(request.number("number"))
    if entry is None:
        raise ApiError(Code.NOT_FOUND, "the log does not have this call any more")
    call = describe_call(request.table, entry)
    route = next((it for it in request.table.routes if it.id == call.method and it.version == entry.version), None)
    is_http = route is not None and call.verb == route.verb
    return {
        "call": call,
        "request_json": pretty(call.request),
        "response_json": pretty(call.response),
        "evidence": next((row for row in evidence.load().methods if row["method"] == call.method), None),
        "curl": exports.write_curl(call, route, request.url, request.world.credentials) if route and is_http else "",
        "test": exports.write_test(call, route) if route and is_http and not route.stream else "",
    }


def show_scenario(request: PageRequest) -> Json:
    """Answers and faults in force, with their counts, what is left of quotas, and the settings."""
    scenario = Scenario(request.world.store)
    settings = request.world.settings
    return {
        "answers": scenario.answers,
        "faults": scenario.faults,
        "quotas": list(list_quotas(request.world)),
        "method_ids": sorted(method_ids()),
        "settings": {
            name: it.kind.text(value)
            for name, it in declarations(Settings).items()
            if (value := getattr(settings, name)) is not None and not it.is_secret
        },
    }


def show_worlds(request: PageRequest) -> Json:
    """Return all worlds, and the snapshots of the shown one."""
    worlds = [
        {
            "name": world.name,
            "api_key": world.credentials.api_key,
            "token": world.credentials.token,
            "project": world.credentials.project,
            "now": to_datetime(world.clock.now()),
        }
        for world in request.worlds
    ]
    return {"worlds": worlds, "snapshots": sorted(request.world.store.snapshots)}


def show_connect(request: PageRequest) -> Json:
    """Return how to point each client here, in the world's credentials."""
    url, credentials = request.url, request.world.credentials
    key, token, project = credentials.api_key, credentials.token, credentials.project
    _, vertex_host = route_table().services  # some clients want it: see `doors.environment.base_urls`
    clients = {
        "All environment variables, in the shell of the program": f'eval "$(mockserver env --url {url})"',
        "The variables of google-genai, @google/genai and libraries on them, one by one": (
            f"export GOOGLE_GEMINI_BASE_URL={url} GEMINI_API_KEY={key}\n"
            f"export GOOGLE_VERTEX_BASE_URL={url}/{vertex_host}\n"
            f"export GOOGLE_CLOUD_PROJECT={project} GOOGLE_CLOUD_LOCATION=us-central1\n"
            f"mockserver credentials --url {url} -o adc.json && export GOOGLE_APPLICATION_CREDENTIALS=$PWD/adc.json"
        ),
        "google-genai, Developer API": (
            "from google import genai\n\n"
            f'client = genai.Client(api_key="{key}", http_options={{"base_url": "{url}", "api_version": "v1beta"}})'
        ),
        "google-genai, Vertex AI": (
            "from google import genai\nfrom google.oauth2.credentials import Credentials\n\n"
            f'client = genai.Client(vertexai=True, project="{project}", location="us-central1",\n'
            f'    credentials=Credentials(token="{token}"), http_options={{"base_url": "{url}"}})'
        ),
        "google-generativeai": (
            "import google.generativeai as genai\n\n"
            f'genai.configure(api_key="{key}", transport="rest", client_options={{"api_endpoint": "{url}"}})'
        ),
        "vertexai": (
            "import vertexai\nfrom google.oauth2.credentials import Credentials\n\n"
            f'vertexai.init(project="{project}", location="us-central1", api_endpoint="{url}",\n'
            f'    api_transport="rest", credentials=Credentials(token="{token}"))'
        ),
        **_javascript_clients(url, credentials),
    }
    return {"clients": clients, "calls_seen": len(request.world.calls), "url": url}


def _javascript_clients(url: str, credentials: WorldCredentials) -> dict[str, str]:
    key, token, project = credentials.api_key, credentials.token, credentials.project
    return {
        "JavaScript, Vertex AI": (
            'import { GoogleGenAI } from "@google/genai";\nimport { OAuth2Client } from "google-auth-library";\n\n'
            "const authClient = new OAuth2Client();\n"
            f'authClient.setCredentials({{ access_token: "{token}" }});\n'
            f'const ai = new GoogleGenAI({{ vertexai: true, project: "{project}", location: "us-central1",\n'
            f'  googleAuthOptions: {{ authClient }}, httpOptions: {{ baseUrl: "{url}" }} }});'
        ),
        "JavaScript, Developer API": (
            'import { GoogleGenAI } from "@google/genai";\n\n'
            f'const ai = new GoogleGenAI({{ apiKey: "{key}", httpOptions: {{ baseUrl: "{url}", apiVersion: "v1beta" }} }});'
        ),
    }


def pretty(value: Any) -> str:
    """Return JSON for people."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def show_duration(seconds: float | None) -> str:
    """Return a duration in words: "39 min"."""
    if seconds is None:
        return "-"
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def show_time(moment: datetime | int) -> str:
    """Return the time of day, with the date before it."""
    moment = to_datetime(moment) if isinstance(moment, int) else moment
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


PAGES = {
    "/": Page("jobs.html", show_jobs),
    "/ui/job": Page("job.html", show_job),
    "/ui/try": Page("job.html", show_job),
    "/ui/traffic": Page("traffic.html", show_traffic),
    "/ui/call": Page("call.html", show_call),
    "/ui/scenario": Page("scenario.html", show_scenario),
    "/ui/worlds": Page("worlds.html", show_worlds),
    "/ui/connect": Page("connect.html", show_connect),
}
