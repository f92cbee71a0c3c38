"""The project and the location of a request, and resource names with the project's number.

The location is read from the path, whichever host was called. A project may be named by id or by
number; names always come back with the number [seen in every recording].
"""

from dataclasses import dataclass

from mockserver.dispatch.routing import Call
from mockserver.rpc.errors import api_keys_not_supported, location_denied
from mockserver.simulation.names import project_number

# The hosts of the discovery document of 2026-11: REGION-aiplatform.googleapis.com, and the two
# multi-regions on aiplatform.REGION.rep.googleapis.com.
REGIONS = frozenset(
    """
    africa-south1 asia-east1 asia-east2 asia-northeast1 asia-northeast2 asia-northeast3 asia-south1 asia-south2
    asia-southeast1 asia-southeast2 asia-southeast3 australia-southeast1 australia-southeast2 europe-central2
    europe-north1 europe-north2 europe-southwest1 europe-west1 europe-west10 europe-west12 europe-west15 europe-west2
    europe-west3 europe-west4 europe-west6 europe-west8 europe-west9 me-central1 me-west1 northamerica-northeast1
    northamerica-northeast2 southamerica-east1 southamerica-west1 us-central1 us-central2 us-east1 us-east4 us-east5
    us-east7 us-south1 us-west1 us-west2 us-west3 us-west4 us-west8
    """.split()  # noqa: SIM905 - a word a region, not a line
)
MULTI_REGIONS = frozenset({"us", "eu"})
GLOBAL = "global"
LOCATIONS = REGIONS | MULTI_REGIONS | {GLOBAL}

# A region Google has and sells by contract only: "Permission denied on 'locations/me-central2' (or it
# may not exist)." was recorded in 2026-10. It is left out above, as any name that is no region's. The 404 page that was
# seen for `locations/invalid-location` says nothing of a location: its path begins with v1beta, a version that this
# service does not have, whatever the location is.

EXPRESS = "us-central1"
"""The location of a request without project and location. Our choice: not seen."""


@dataclass(frozen=True, slots=True)
class Location:
    """A location of a project. `project` is as the client wrote it."""

    project: str
    id: str

    @property
    def number(self) -> str:
        """The number of the project."""
        return project_number(self.project)

    @property
    def name(self) -> str:
        """The resource name, with the project's number."""
        return f"projects/{self.number}/locations/{self.id}"


def find_location(call: Call) -> Location:
    """Return the location in the path of a request, or that of its API key.

    Raises the real 401 for an API key in a project that is not its own, and the real 403 for a location
    that is unknown or denied.
    """
    parts = call.resource.split("/")
    if parts[0] != "projects":
        return Location(call.caller.project, EXPRESS)
    location = Location(parts[1], parts[3])
    if call.caller.via == "key" and call.settings.auth != "off" and location.number != call.caller.project:
        raise api_keys_not_supported(call.route.rpc, call.route.service)
    if location.id not in LOCATIONS:
        raise location_denied(location.id, location.project)
    return location


def resource_name(call: Call) -> str:
    """Return the full name of the resource in the path, with the project's number.

    Raises what `find_location` raises.
    """
    parts = call.resource.split("/")
    rest = parts[4:] if parts[0] == "projects" else parts
    return "/".join([find_location(call).name, *rest])


def canonical_name(name: str) -> str:
    """Return a resource name from a body, with the project's number."""
    parts = name.split("/")
    if len(parts) < 2 or parts[0] != "projects":
        return name
    return "/".join(["projects", project_number(parts[1]), *parts[2:]])


def serving_location(location: str, base_model: str) -> str:
    """Return the location that serves a tuned model: for Gemini 3 the multi-region [documented, 2026-09]."""
    if not base_model.startswith("gemini-3"):
        return location
    return {"us": "us", "europe": "eu"}.get(location.partition("-")[0], location)
