"""The environment an unchanged program needs: credentials that are fake, a project, nothing real.

The credentials are a user's, not a service account's: those sign with a private key, and we have none
to give away. Exchanging them asks oauth2.googleapis.com, which the app answers for.
"""

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from unittest import mock

from mockserver.rpc.credentials import find_real_secret
from mockserver.state.world import PREFIX

API_KEYS = ("GOOGLE_API_KEY", "GEMINI_API_KEY")

# Where a client would go instead of to Google's hosts, past whoever catches requests to those.
ELSEWHERE = ("GOOGLE_GEMINI_BASE_URL", "GOOGLE_VERTEX_BASE_URL")


def adc(project: str, refresh_token: str) -> dict[str, str]:
    """Application-default credentials, as `gcloud auth application-default login` writes them."""
    return {
        "type": "authorized_user",
        "client_id": "mockserver.apps.googleusercontent.com",
        "client_secret": "mockserver",
        "refresh_token": refresh_token,
        "quota_project_id": project,
    }


def variables(project: str, api_key: str, credentials_file: str, given: Mapping[str, str]) -> dict[str, str]:
    """The environment `given`, made safe: what a tester set stays, what is missing or looks real is made up.

    What is already made up gives way: it leads to the world of a server around this one.
    """
    wanted = {"GOOGLE_CLOUD_PROJECT": project, "GOOGLE_CLOUD_LOCATION": "us-central1"}
    made_up = {name for name in (*API_KEYS, *wanted) if given.get(name, "").startswith(PREFIX)}
    kept = {name: value for name, value in given.items() if name not in {*ELSEWHERE, *made_up}}
    kept |= {name: api_key for name in API_KEYS if find_real_secret(kept.get(name, ""))}
    if not kept.keys() & set(API_KEYS):
        wanted["GOOGLE_API_KEY"] = api_key
    return wanted | kept | {"GOOGLE_APPLICATION_CREDENTIALS": credentials_file}


@contextlib.contextmanager
def environment(project: str, api_key: str, token: str) -> Iterator[None]:
    """While inside, this process finds fake credentials where real ones would be."""
    with tempfile.TemporaryDirectory(prefix="mockserver-") as folder:
        path = Path(folder) / "application_default_credentials.json"
        path.write_text(json.dumps(adc(project, token)))
        with mock.patch.dict(os.environ, variables(project, api_key, str(path), os.environ), clear=True):
            yield
