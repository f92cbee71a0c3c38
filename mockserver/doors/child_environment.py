"""The environment of another process that uses a running server: by its base URLs, or through a proxy."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from mockserver.datasets.storage import EMULATOR_VARIABLE, SERVER_VARIABLE
from mockserver.doors.credentials_file import authorized_user, write
from mockserver.doors.environment import API_KEYS, NO_PROXY, base_urls, changes
from mockserver.doors.intercept.interceptors import answered_hosts
from mockserver.state.world import WorldCredentials

_METADATA = ("GCE_METADATA_HOST", "GCE_METADATA_IP", "GCE_METADATA_ROOT")
_PROXIES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "grpc_proxy")
_NO_PROXIES = (*NO_PROXY, "no_grpc_proxy")
_OTHER_PROXIES = frozenset({"ALL_PROXY", "all_proxy"})
_TRUST = (
    "SSL_CERT_FILE",  # OpenSSL: Python's ssl, httpx, Ruby, PHP; Go too
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "HTTPLIB2_CA_CERTS",
    "NODE_EXTRA_CA_CERTS",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE",  # the real gcloud
)


def server_environment(url: str, credentials: WorldCredentials, credentials_file: Path) -> dict[str, str]:
    """Return the variables that lead clients to a server, as far as they take an address from variables."""
    return {
        **base_urls(url),
        EMULATOR_VARIABLE: url,
        **dict.fromkeys(API_KEYS, credentials.api_key),
        "GOOGLE_CLOUD_PROJECT": credentials.project,
        "GOOGLE_CLOUD_LOCATION": "us-central1",
        "GOOGLE_APPLICATION_CREDENTIALS": str(credentials_file),
        **_server(url),
    }


def proxy_environment(
    environment: Mapping[str, str],
    credentials: WorldCredentials,
    url: str,
    proxy_url: str,
    certificates: Path,
    *,
    adds_key: bool = True,
) -> dict[str, str]:
    """Return an environment for a program whose requests all go to the proxy.

    The program trusts the `certificates`; beside that file the made-up credentials are written. Without `adds_key`, no
    API key is made up.
    """
    file = write(certificates.with_name("application_default_credentials.json"), authorized_user("", credentials))
    safe = {
        **environment,
        **changes(credentials.project, credentials.api_key, str(file), environment, adds_key=adds_key),
    }
    variables = {name: value for name, value in safe.items() if value is not None and name not in _OTHER_PROXIES}
    keys = [variables[name] for name in API_KEYS if name in variables]
    return {
        **(dict.fromkeys(API_KEYS, keys[0]) if keys else {}),  # some programs read the one and some the other
        **variables,
        **dict.fromkeys(_PROXIES, proxy_url),
        **dict.fromkeys(_NO_PROXIES, "localhost,127.0.0.1,::1"),
        **dict.fromkeys(_TRUST, str(certificates)),
        "NODE_USE_ENV_PROXY": "1",
        **_server(url),
    }


def node_options(options: str, folder: Path, *, tls_port: int, passed_hosts: Iterable[str]) -> str:
    """Return NODE_OPTIONS that also load our part of Node, of which a file is written into the folder."""
    preload = Path(__file__).with_name("node_preload.cjs")
    arguments = {"port": tls_port, "emulated": answered_hosts().pattern, "passed": sorted(passed_hosts)}
    file = folder / "node.cjs"
    file.write_text(f"require({json.dumps(str(preload))})({json.dumps(arguments)});\n", encoding="utf-8")
    return f"{options} --require={json.dumps(str(file))}".strip()


def _server(url: str) -> dict[str, str]:
    """Return where the server is, for programs that control it, and for clients that look for a metadata server."""
    return {SERVER_VARIABLE: url, **dict.fromkeys(_METADATA, url.partition("://")[2])}
