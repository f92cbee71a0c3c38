"""Buckets and objects as JSON."""

from urllib.parse import quote

from mockserver.cloud_storage.call import Call, Json
from mockserver.datasets.objects import StoredBucket, StoredObject
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


def show_object(call: Call, stored: StoredObject) -> Json:
    """Return the resource of an object. Clients read its content at `mediaLink`: where they sent this request."""
    attributes, path = stored.attributes, f"b/{stored.bucket}/o/{quote(stored.name, safe='')}"
    view: Json = {
        "kind": "storage#object",
        "id": f"{stored.bucket}/{stored.name}/{stored.generation}",
        "selfLink": f"{API}/{path}",
        "mediaLink": f"{call.origin}/download/storage/v1/{path}?generation={stored.generation}&alt=media",
        "name": stored.name,
        "bucket": stored.bucket,
        "generation": str(stored.generation),
        "metageneration": "1",
        "contentType": attributes.content_type,
        "storageClass": "STANDARD",
        "size": str(stored.size),
        "md5Hash": stored.md5,
        "crc32c": stored.crc32c,
        "etag": etag(stored),
        "timeCreated": show_time(stored.created),
        "updated": show_time(stored.created),
        "timeStorageClassUpdated": show_time(stored.created),
    }
    optional = {"contentEncoding": attributes.content_encoding, "cacheControl": attributes.cache_control}
    view |= {name: value for name, value in optional.items() if value}
    return view | ({"metadata": dict(attributes.metadata)} if attributes.metadata else {})


def etag(stored: StoredObject) -> str:
    """Return the ETag of an object."""
    return f"{stored.generation:x}/1"  # our choice: opaque to clients


def show_time(time: Nanos) -> str:
    """Return a time with three digits of a second [documented]."""
    return to_datetime(time).isoformat(timespec="milliseconds").replace("+00:00", "Z")
