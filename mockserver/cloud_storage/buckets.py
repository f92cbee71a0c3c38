"""The buckets."""

from mockserver.cloud_storage import errors
from mockserver.cloud_storage.call import Result, StorageCall, read_json
from mockserver.cloud_storage.lists import page
from mockserver.cloud_storage.views import show_bucket
from mockserver.datasets.object_store import BucketExists, BucketNotEmpty, NoSuchBucket, StoredBucket, is_bucket_name


def check_bucket_name(name: str) -> None:
    """Raise StorageError for a name that no bucket can have."""
    if not is_bucket_name(name):
        raise errors.invalid(f"Invalid bucket name: '{name}'")


def insert_bucket(call: StorageCall) -> Result:
    """Create a bucket."""
    tree = read_json(call.body)
    name, location = str(tree.get("name", "")), str(tree.get("location", "US")).upper()
    check_bucket_name(name)
    try:
        call.objects.add_bucket(StoredBucket(name, call.now, location))
        return Result(show_bucket(call.objects.find_bucket(name)))
    except BucketExists:
        raise errors.bucket_exists() from None


def get_bucket(call: StorageCall) -> Result:
    """Return a bucket."""
    try:
        return Result(show_bucket(call.objects.find_bucket(call.bucket)))
    except NoSuchBucket:
        raise call.no_bucket from None


def list_buckets(call: StorageCall) -> Result:
    """List the buckets that are known, of whatever project."""
    prefix = call.query.get("prefix", "")
    names = [bucket for bucket in call.objects.buckets() if bucket.name.startswith(prefix)]
    items, token = page(call, names, lambda bucket: bucket.name)
    view = {"kind": "storage#buckets", "items": [show_bucket(bucket) for bucket in items]}
    return Result(view | ({"nextPageToken": token} if token else {}))


def delete_bucket(call: StorageCall) -> Result:
    """Delete a bucket, which must be empty."""
    try:
        call.objects.delete_bucket(call.bucket)
    except NoSuchBucket:
        raise call.no_bucket from None
    except BucketNotEmpty:
        raise errors.bucket_not_empty() from None
    return Result(status=204)
