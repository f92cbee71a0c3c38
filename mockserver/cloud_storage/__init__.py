"""The part of Cloud Storage's JSON API that tuning needs: objects are uploaded, read, listed and deleted.

The app asks `serves` of every request that is not the two services', and loads the rest with the first one.
The objects stand in `datasets/object_store.py`, because tuning reads its data from them.
"""

from mockserver.rpc.hosts import host_without_port

HOST = "storage.googleapis.com"

_PREFIXES = ("/storage/v1/", "/upload/storage/v1/", "/download/storage/v1/", "/batch/storage/v1")


def serves(host: str, path: str) -> bool:
    """Return whether a request is for Cloud Storage: by its path on any host, and all on the service's own host."""
    name = host_without_port(host)
    return path.startswith(_PREFIXES) or name == HOST or name.endswith(f".{HOST}")
