"""The objects: reading, listing and deleting them. For writing see `uploads`."""

import re
from collections.abc import Iterator
from email.utils import formatdate

from mockserver.cloud_storage import errors
from mockserver.cloud_storage.call import Result, StorageCall
from mockserver.cloud_storage.lists import page
from mockserver.cloud_storage.views import etag, show_object
from mockserver.datasets.object_store import NoSuchBucket, StoredObject, read_all
from mockserver.state.clock import SECOND

_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})")


def find_object(call: StorageCall) -> StoredObject:
    """Find the object that the path names. Raises StorageError, also for conditions that do not hold."""
    blob = call.objects.find(call.bucket, call.name)
    call.check(blob)
    if blob is None or call.number("generation") not in {None, blob.generation}:
        raise _missing_error(call)
    return blob


def _missing_error(call: StorageCall) -> errors.StorageError:
    try:
        call.objects.find_bucket(call.bucket)
    except NoSuchBucket:
        return call.no_bucket
    return errors.no_object(call.bucket, call.name)


def get_object(call: StorageCall) -> Result:
    """Return the resource of an object, or its content for `alt=media`."""
    if call.query.get("alt") == "media":
        return download_object(call)
    return Result(show_object(call, find_object(call)))


def download_object(call: StorageCall) -> Result:
    """Return the content of an object, or the range of it that the client asks for."""
    blob = find_object(call)
    file = call.objects.open(call.bucket, call.name)
    if file is None:
        raise errors.no_object(call.bucket, call.name)
    content, encoding = read_all(file), blob.attributes.content_encoding
    headers = {
        "content-type": blob.attributes.content_type,
        "etag": etag(blob),
        "last-modified": formatdate(blob.created // SECOND, usegmt=True),
        "accept-ranges": "bytes",
        "x-goog-generation": str(blob.generation),
        "x-goog-metageneration": "1",
        "x-goog-hash": f"crc32c={blob.crc32c},md5={blob.md5}",
        "x-goog-storage-class": "STANDARD",
        "x-goog-stored-content-encoding": encoding or "identity",
        "x-goog-stored-content-length": str(blob.size),
    }
    if encoding:
        headers["content-encoding"] = encoding
    part = _RANGE.fullmatch(call.headers.get("range", ""))
    if part is None:
        return Result(content, headers=headers)
    first, end = _bounds(part[1], part[2], len(content))
    headers["content-range"] = f"bytes {first}-{end - 1}/{len(content)}"
    return Result(content[first:end], 206, headers)


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    """Return where a range begins and ends; without a first byte, `last` counts from the end."""
    if not first:
        start, end = max(size - int(last or 0), 0), size
    else:
        start, end = int(first), min(int(last) + 1 if last else size, size)
    if start >= end:
        raise errors.bad_range()
    return start, end


def list_objects(call: StorageCall) -> Result:
    """List the objects of a bucket, and with a `delimiter` the prefixes up to it."""
    # `versions=true` lists the same: no bucket here keeps older versions of its objects.
    for name in ("matchGlob", "softDeleted", "includeTrailingDelimiter"):
        if call.query.get(name, "false") not in {"false", ""}:
            raise errors.not_served(f"objects.list with {name}")
    try:
        call.objects.find_bucket(call.bucket)
    except NoSuchBucket:
        raise call.no_bucket from None
    entries, token = page(call, _entries(call), lambda entry: entry if isinstance(entry, str) else entry.name)
    items = [show_object(call, entry) for entry in entries if isinstance(entry, StoredObject)]
    prefixes = [entry for entry in entries if isinstance(entry, str)]
    view = {"kind": "storage#objects"} | ({"nextPageToken": token} if token else {})
    return Result(view | ({"prefixes": prefixes} if prefixes else {}) | ({"items": items} if items else {}))


def _entries(call: StorageCall) -> Iterator[StoredObject | str]:
    """Yield the objects that the request asks for; instead of all with a common prefix, the prefix once."""
    prefix, delimiter = call.query.get("prefix", ""), call.query.get("delimiter", "")
    start, end = call.query.get("startOffset", ""), call.query.get("endOffset", "")
    last = ""
    for blob in call.objects.walk(call.bucket):
        name = blob.name
        if not name.startswith(prefix) or name < start or (end and name >= end):
            continue
        common, separator, _ = name[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
        if not separator:
            yield blob
        elif prefix + common + separator != last:
            last = prefix + common + separator
            yield last


def delete_object(call: StorageCall) -> Result:
    """Delete an object."""
    if not call.objects.delete(call.bucket, call.name, call.check):
        raise _missing_error(call)
    return Result(status=204)
