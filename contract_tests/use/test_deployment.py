"""The files for containers say what the server understands: Dockerfile, compose.yaml, the example for Kubernetes."""

import json
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import yaml

from contract_tests.environment import HANGS, ROOT, client_python
from mockserver import MockServer
from mockserver.settings import GROUPS, By, declarations

EXAMPLE = ROOT / "docs" / "examples" / "kubernetes.yaml"
IMAGE = "gemini-tuning-mockserver"
VARIABLES = {setting.variable: setting for setting in declarations(*GROUPS, by=By.SERVE).values()}


def read_compose() -> Any:
    """The file for Docker Compose."""
    return yaml.safe_load((ROOT / "compose.yaml").read_text())


@pytest.fixture
def resources() -> dict[str, Any]:
    """The resources of the example, by kind."""
    return {resource["kind"]: resource for resource in yaml.safe_load_all(EXAMPLE.read_text())}


@pytest.fixture
def container(resources: dict[str, Any]) -> Any:
    """The one container of the deployment."""
    (container,) = resources["Deployment"]["spec"]["template"]["spec"]["containers"]
    return container


def walk_variables(resources: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The server's variables that are set in compose.yaml and in the example, with their values."""
    for service in read_compose()["services"].values():
        if service["image"] == IMAGE:
            yield from ((name, str(value)) for name, value in service["environment"].items())
    pod = resources["Deployment"]["spec"]["template"]["spec"]
    for container in pod["containers"]:
        yield from ((each["name"], each.get("value", "from a secret")) for each in container["env"])


def test_every_variable_is_a_setting_and_takes_its_value(resources: dict[str, Any]) -> None:
    """/data is a directory of the image."""
    for name, value in walk_variables(resources):
        VARIABLES[name].read_option(value.replace("/data", str(ROOT)), called=name)

    dockerfile = (ROOT / "Dockerfile").read_text()
    assert set(re.findall(r"MOCKSERVER_[A-Z_]+", dockerfile)) <= VARIABLES.keys()


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("", "", ""),
        ("containerPort: 8765", "containerPort: http", "'http' is not of type 'integer'"),
        ("readOnlyRootFilesystem:", "readonlyRootFilesystem:", "'readonlyRootFilesystem' was unexpected"),
    ],
)
def test_kubernetes_takes_the_example(old: str, new: str, complaint: str, tmp_path: Path) -> None:
    """By its own schemas, which refuse a value of another type and a member that there is not."""
    copy = tmp_path / "example.yaml"
    copy.write_text(EXAMPLE.read_text().replace(old, new))
    check = client_python("release").with_name("kubernetes-validate")
    done = subprocess.run([check, "--strict", copy], capture_output=True, text=True, check=False, timeout=HANGS)
    output = done.stdout + done.stderr

    assert (bool(complaint), True) == (done.returncode != 0, complaint in output), output
    assert complaint or {"secret", "deployment", "service"} <= set(re.findall(r"resource (\w+)/", output))


def test_the_pod_is_confined(resources: dict[str, Any], container: Any) -> None:
    """Not root, nothing to write to but the volumes, no capability; no variables of the service's."""
    pod = resources["Deployment"]["spec"]["template"]["spec"]
    security = container["securityContext"]

    assert (True, 65532) == (pod["securityContext"]["runAsNonRoot"], pod["securityContext"]["runAsUser"])
    assert (True, False) == (security["readOnlyRootFilesystem"], security["allowPrivilegeEscalation"])
    assert {"drop": ["ALL"]} == security["capabilities"]
    assert {volume["name"] for volume in pod["volumes"]} == {mount["name"] for mount in container["volumeMounts"]}
    assert pod["enableServiceLinks"] is False


def test_the_service_finds_the_pod(resources: dict[str, Any], container: Any) -> None:
    """By its labels, its ports by their names; the secret has the key that the pod reads."""
    deployment, service = resources["Deployment"]["spec"], resources["Service"]["spec"]
    token = container["env"][0]["valueFrom"]["secretKeyRef"]

    assert service["selector"] == deployment["selector"]["matchLabels"] == deployment["template"]["metadata"]["labels"]
    assert {port["name"]: port["containerPort"] for port in container["ports"]} == {
        port["targetPort"]: port["port"] for port in service["ports"]
    }
    assert token["name"] == resources["Secret"]["metadata"]["name"]
    assert token["key"] in resources["Secret"]["stringData"]


def test_probes_are_answered(container: Any) -> None:
    """Under whatever name they ask, without a token."""
    paths = {container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "readiness", "liveness")}
    with MockServer().live() as server:
        answers = {path: httpx.get(server.url + path, headers={"host": "10.1.2.3:8765"}).status_code for path in paths}

    assert dict.fromkeys(("/_mock/healthz", "/_mock/readyz"), 200) == answers


def test_every_service_of_compose_is_confined_and_published_on_loopback() -> None:
    """Two services never publish the same port; volumes are declarations."""
    compose = read_compose()
    published = [port for service in compose["services"].values() for port in service.get("ports", ())]

    assert all(service["read_only"] and service["cap_drop"] == ["ALL"] for service in compose["services"].values())
    assert all(port.startswith("127.0.0.1:") for port in published)
    assert len(published) == len({port.split(":")[1] for port in published})
    used = {volume.split(":")[0] for service in compose["services"].values() for volume in service.get("volumes", ())}
    assert used == compose["volumes"].keys()


def test_the_servers_of_compose_find_their_database() -> None:
    """Two workers, started once the database can be connected to, as its user; nothing else can reach it."""
    services = read_compose()["services"]
    server, database = services["mockserver-postgresql"], services["database"]
    url = urlsplit(server["environment"]["MOCKSERVER_STORE"])
    created = database["environment"]

    assert ("postgresql", "database") == (url.scheme, url.hostname)
    assert {"database": {"condition": "service_healthy"}} == server["depends_on"]
    assert (url.username, url.password) == (created["POSTGRES_USER"], created["POSTGRES_PASSWORD"])
    assert url.path == f"/{created['POSTGRES_DB']}"
    assert 2 == server["environment"]["MOCKSERVER_WORKERS"]
    assert "ports" not in database
    assert server["profiles"] == database["profiles"]


def test_the_image_is_built_from_one_pinned_base() -> None:
    """By its digest, so that both stages have the same Python whenever they are built."""
    bases = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)

    assert 2 == len(bases)
    assert 1 == len(set(bases))
    assert re.fullmatch(r"python:3\.12-slim@sha256:[0-9a-f]{64}", bases[0])


def test_the_database_is_pinned() -> None:
    """By its digest too: a profile that worked yesterday works today."""
    image = read_compose()["services"]["database"]["image"]

    assert re.fullmatch(r"postgres:17\.\d+@sha256:[0-9a-f]{64}", image)


def test_the_image_has_what_the_options_of_the_server_need() -> None:
    """The lock that it is built from has every package of those extras."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    needed = {
        re.split(r"[^\w-]", each)[0] for name in ("grpc", "run", "metrics", "otel", "sql") for each in extras[name]
    }
    lock = (ROOT / "requirements" / "runtime.txt").read_text()

    assert needed < set(re.findall(r"^([\w-]+)==", lock, re.MULTILINE))


def test_the_health_check_of_the_image_is_our_command() -> None:
    """It follows how the server was bound: see test_running_server.py."""
    dockerfile = (ROOT / "Dockerfile").read_text()
    check = re.search(r"^HEALTHCHECK .* CMD (.*)$", dockerfile, re.MULTILINE)

    assert check is not None
    assert ["mockserver", "health"] == json.loads(check[1])
    assert "\nSTOPSIGNAL SIGTERM\n" in dockerfile
