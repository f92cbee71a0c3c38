"""Why a call led nowhere, and what to change: for the person whose test it is, never for the wire."""

from mockserver.dispatch.routing import Json, Match, Route, RouteTable
from mockserver.state.world import Settings

LOST_PROJECT = (
    "google-genai sends `POST /` when it was given a base URL but found project and location only in the environment:"
    " pass project= and location= to genai.Client"
)
LENIENT = (
    "the real service has no such method on v1 either: set http_options={'api_version': 'v1beta'}, or"
    " GOOGLE_GENAI_API_VERSION=v1beta (which moves Vertex AI calls too), or start the server with --lenient-routes"
)

NO_DATA = (
    "google-genai leaves the training data out of tunings.tune for the Gemini API since 1.47: tune with 1.46,"
    " with google-generativeai or over REST, or let add_tuned_model() put the model there"
)


def unrouted(table: RouteTable, verb: str, path: str, settings: Settings) -> str:
    """What is nearest to a path that no route fits."""
    if path in {"", "/"}:
        return LOST_PROJECT
    if settings.as_of is not None and (match := table.match(verb, path)):
        return f"{match.route.id} is not served as of {settings.as_of}"
    if table.match(verb, path, lenient=True):
        return LENIENT
    nearest = table.nearest(verb, path)
    if not nearest:
        return "no method has a path like it"
    return "nearest: " + ", ".join(_shown(route) for route in nearest[:3])


def refused(match: Match | None, message: Json | None) -> str:
    """What a refused request was missing, where a client is known to lose it; "" for any other."""
    if match is None or message is None or match.route.id != "tunedModels.create":
        return ""
    model = message.get("tunedModel", {})
    return "" if "trainingData" in model.get("tuningTask", {}) else NO_DATA


def _shown(route: Route) -> str:
    return f"{route.id} ({route.template})"
