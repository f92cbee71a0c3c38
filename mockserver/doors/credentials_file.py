"""Made-up credentials as Google's client libraries read them from a file (application default credentials)."""

import json
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mockserver.http.identity import METADATA_PATH
from mockserver.state.world import PREFIX, WorldCredentials

Content = dict[str, Any]


def authorized_user(_: str, credentials: WorldCredentials) -> Content:
    """Return a user's credentials, as `gcloud auth application-default login` writes them.

    Clients exchange them at oauth2.googleapis.com, whatever the file says.
    """
    return {
        "type": "authorized_user",
        "client_id": f"{PREFIX}.apps.googleusercontent.com",
        "client_secret": PREFIX,
        "refresh_token": credentials.token,
        "quota_project_id": credentials.project,
    }


def external_account(url: str, credentials: WorldCredentials) -> Content:
    """Return the credentials of a workload elsewhere. Clients of every language exchange them where the file says.

    They have no private key: the identity token comes from the server's own metadata.
    """
    pool = f"workloadIdentityPools/{credentials.project}/providers/{PREFIX}"
    return {
        "type": "external_account",
        "audience": f"//iam.googleapis.com/projects/1/locations/global/{pool}",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"{url}/v1/token",
        "credential_source": {
            "url": f"{url}{METADATA_PATH}instance/service-accounts/default/identity?audience={PREFIX}",
            "headers": {"Metadata-Flavor": "Google"},
        },
    }


def service_account(url: str, credentials: WorldCredentials) -> Content:
    """Return the key of a service account, made for this call. ModuleNotFoundError without cryptography."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return {
        "type": "service_account",
        "project_id": credentials.project,
        "private_key_id": secrets.token_hex(20),
        "private_key": pem.decode(),
        "client_email": f"default@{credentials.project}.iam.gserviceaccount.com",
        "client_id": "1" + "0" * 20,
        "auth_uri": f"{url}/o/oauth2/auth",
        "token_uri": f"{url}/token",
        "universe_domain": "googleapis.com",
    }


TYPES: Mapping[str, Callable[[str, WorldCredentials], Content]] = {
    "external-account": external_account,
    "service-account": service_account,
    "authorized-user": authorized_user,
}
"""The types of credentials, the most portable first. Each is made for the URL of a server and a world's credentials."""


def write(path: Path, content: Content) -> Path:
    """Write a file that only the user can read, and return its path."""
    path.touch(0o600)
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return path
