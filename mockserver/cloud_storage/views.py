"""Buckets and objects as JSON."""

from urllib.parse import quote

from mockserver.cloud_storage.call import Json, StorageCall
from mockserver.datasets.object_store import StoredBucket, StoredObject
from mockserver.state.clock import Nanos, to_datetime

API = "https://www.googleapis.com/storage/v1"


def show_bucket(bucket: StoredBucket) -> Json:
    """Return the resource of a bucket."""
    return {
        "kind": "storage#bucket",
        "selfLink": f"{API}/b/{bucket.name}",
        "id": bucket.name,
        "name": bucket.name,
        "metageneration": "1",
        "location": bucket.location,
        "locationType": "multi-region" if bucket.location in {"US", "EU", "ASIA"} else "region",
        "storageClass": "STANDARD",
        "etag": "CAE=",
        "timeCreated": show_time(bucket.created),
        "updated": show_time(bucket.created),
    }


def show_object(call: StorageCall, blob: StoredObject) -> Json:
    """Return the resource of an object. Clients read its content at `mediaLink`: where they sent this request."""
    attributes, path = blob.attributes, f"b/{blob.bucket}/o/{quote(blob.name, safe='')}"
    view: Json = {
        "kind": "storage#object",
        "id": f"{blob.bucket}/{blob.name}/{blob.generation}",
        "selfLink": f"{API}/{path}",
        "mediaLink": f"{call.origin}/download/storage/v1/{path}?generation={blob.generation}&alt=media",
        "name": blob.name,
        "bucket": blob.bucket,
        "generation": str(blob.generation),
        "metageneration": "1",
        "contentType": attributes.content_type,
        "storageClass": "STANDARD",
        "size": str(blob.size),
        "md5Hash": blob.md5,
        "crc32c": blob.crc32c,
        "etag": etag(blob),
        "timeCreated": show_time(blob.created),
        "updated": show_time(blob.created),
        "timeStorageClassUpdated": show_time(blob.created),
    }
    optional = {"contentEncoding": attributes.content_encoding, "cacheControl": attributes.cache_control}
    view |= {name: value for name, value in optional.items() if value}
    return view | ({"metadata": dict(attributes.metadata)} if attributes.metadata else {})


def etag(blob: StoredObject) -> str:
    """Return the ETag of an object."""
    return f"{blob.generation:x}/1"  # our choice: opaque to clients


def show_time(time: Nanos) -> str:
    """Return a time with three digits of a second [documented]."""
    return to_datetime(time).isoformat(timespec="milliseconds").replace("+00:00", "Z")
