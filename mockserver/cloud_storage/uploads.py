"""Uploads: simple, multipart (metadata and content in one request) and resumable (the content in pieces)."""

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from mockserver.cloud_storage import errors
from mockserver.cloud_storage.buckets import check_bucket_name
from mockserver.cloud_storage.call import CONDITIONS, Json, Result, StorageCall, conditions, read_json
from mockserver.cloud_storage.views import show_object
from mockserver.datasets import checksums
from mockserver.datasets.object_store import BINARY, Attributes, BadName, StoreObjects
from mockserver.limits import OBJECT_BYTES, OBJECTS_BYTES, OPEN_UPLOADS
from mockserver.state.store import ALL, Collection, Missing, Store

_BOUNDARY = re.compile(r'boundary="?([^\s";,]+)')
_CONTENT_RANGE = re.compile(r"bytes (?:(\d{1,19})-(\d{1,19})|\*)/(\d{1,19}|\*)")


@dataclass(frozen=True, slots=True)
class Upload:
    """A resumable upload: the object that it is for, what the client says of it, and the pieces received so far."""

    bucket: str
    name: str
    attributes: Attributes
    sums: Mapping[str, str]
    conditions: Mapping[str, int]
    pieces: Any = ()
    size: int = 0


UPLOADS: Collection[Upload] = Collection("storage.uploads", Upload)


def insert_object(call: StorageCall) -> Result:
    """Store an object, or begin a resumable upload."""
    check_bucket_name(call.bucket)
    call.check_bucket()
    if "upload_id" in call.query:
        return continue_upload(call)  # as some clients do instead of PUT
    kind = call.query.get("uploadType")
    if kind == "resumable":
        return _begin(call, _new_upload(call, read_json(call.body), call.headers.get("x-upload-content-type", "")))
    if kind == "multipart":
        metadata, content_type, content = _split_parts(call)
        return _store(call, _new_upload(call, metadata, content_type), content)
    if kind == "media":
        return _store(call, _new_upload(call, {}, call.headers.get("content-type", "")), call.body)
    raise errors.not_served(f"objects.insert with uploadType={kind}")


def _new_upload(call: StorageCall, metadata: Json, content_type: str) -> Upload:
    name = str(metadata.get("name") or call.query.get("name", ""))
    if not name:
        raise errors.invalid("Required")
    if len(name.encode("utf-8", "replace")) > 1024 or name in {".", ".."} or "\n" in name or "\r" in name:
        raise errors.invalid(f"Invalid object name: '{name}'")  # our choice: the sentence was not seen
    custom = metadata.get("metadata") or {}
    if not isinstance(custom, dict):
        raise errors.invalid("Invalid value for metadata")
    attributes = Attributes(
        content_type=str(metadata.get("contentType") or content_type or BINARY),
        content_encoding=str(metadata.get("contentEncoding") or call.query.get("contentEncoding", "")),
        cache_control=str(metadata.get("cacheControl") or ""),
        metadata={str(key): str(value) for key, value in custom.items()},
    )
    if not attributes.content_type.isprintable() or not attributes.content_encoding.isprintable():
        raise errors.invalid("Invalid Content-Type or Content-Encoding")  # they are headers of the download
    sums = {key: str(metadata[key]) for key in ("crc32c", "md5Hash") if metadata.get(key)}
    numbers = {key: number for key in CONDITIONS if (number := call.number(key)) is not None}
    return Upload(call.bucket, name, attributes, sums, numbers)


def _split_parts(call: StorageCall) -> tuple[Json, str, bytes]:
    """Return metadata, content type and content of a body of two parts (RFC 2387)."""
    boundary = _BOUNDARY.search(call.headers.get("content-type", ""))
    mark = b"" if boundary is None else b"--" + boundary[1].encode("latin-1")
    start = call.body.find(mark)
    # Some clients end lines with a line feed alone, as the real service accepts them.
    line = b"\r\n" if call.body.startswith(b"\r\n", start + len(mark)) else b"\n"
    middle, end = call.body.find(line + mark, start + 1), call.body.rfind(line + mark + b"--")
    head_end = call.body.find(line + line, middle, end)
    if not mark or not 0 <= start < middle < head_end < end:
        raise errors.invalid("Malformed multipart body.")
    _, _, metadata = call.body[start:middle].partition(line + line)
    head = call.body[middle:head_end].decode("latin-1").splitlines()
    fields = dict(each.lower().split(":", 1) for each in head if ":" in each)
    return read_json(metadata), fields.get("content-type", "").strip(), call.body[head_end + 2 * len(line) : end]


def _store(call: StorageCall, upload: Upload, content: bytes) -> Result:
    """Store the whole content. Raises StorageError, also if it is not what the client meant to send."""
    if call.world.settings.gcs_root is None or len(content) > OBJECT_BYTES:
        _check_size(call, len(content))
    actual = {"crc32c": checksums.crc32c, "md5Hash": checksums.md5}
    for key, expected in upload.sums.items():
        if (checksum := actual[key](content)) != expected:
            raise errors.bad_checksum("CRC32C" if key == "crc32c" else "MD5 hash", expected, checksum)
    check = conditions(upload.conditions)
    try:
        blob = call.objects.write(upload.bucket, upload.name, content, upload.attributes, call.now, check)
    except BadName as error:
        raise errors.invalid(f"mockserver: {error}") from None
    return Result(show_object(call, blob))


def _check_size(call: StorageCall, size: int) -> None:
    """Raise StorageError if there is no room for so many bytes more. Objects in a directory take none of it."""
    if size > OBJECT_BYTES:
        raise errors.too_large(OBJECT_BYTES, "an object")
    store = call.world.store
    total = StoreObjects(store).size() + sum(entry.record.size for entry in store.walk(UPLOADS))
    if total + size > OBJECTS_BYTES:
        raise errors.too_large(OBJECTS_BYTES, "all objects of a world and its uploads that have not ended")


def _begin(call: StorageCall, upload: Upload) -> Result:
    """Begin a resumable upload; the oldest one is forgotten if there are too many."""
    conditions(upload.conditions)(call.objects.find(upload.bucket, upload.name))

    def change(transaction: Store) -> str:
        open_uploads = transaction.page(UPLOADS, ALL, "", limit=OPEN_UPLOADS)
        if len(open_uploads) == OPEN_UPLOADS:
            transaction.delete(UPLOADS, open_uploads[0].name)
        number = str(transaction.count("storage.uploads"))
        transaction.insert(UPLOADS, number, upload)
        return number

    number = call.world.store.transact(change)
    location = f"{call.origin}{call.path}?uploadType=resumable&upload_id={number}"
    return Result(headers={"location": location, "x-guploader-uploadid": number})


def continue_upload(call: StorageCall) -> Result:
    """Receive a piece of a resumable upload, or say how much has been received."""
    upload, number = _find(call)
    part = call.headers.get("content-range", f"bytes 0-{len(call.body) - 1}/{len(call.body)}" if call.body else "")
    match = _CONTENT_RANGE.fullmatch(part or "bytes */0")
    if match is None:
        raise errors.invalid("Failed to parse Content-Range header.")
    first, total = None if match[1] is None else int(match[1]), None if match[3] == "*" else int(match[3])
    if first is not None:
        _check_piece(call, upload, number, max(first + len(call.body) - upload.size, 0))
    upload = _receive(call, number, first, total)
    if total != upload.size:
        return Result(status=308, headers={"range": f"bytes=0-{upload.size - 1}"} if upload.size else {})
    sums = dict(each.strip().split("=", 1) for each in call.headers.get("x-goog-hash", "").split(",") if "=" in each)
    names = {"crc32c": "crc32c", "md5": "md5Hash"}
    upload = replace(upload, sums={**upload.sums, **{names[key]: sums[key] for key in names if key in sums}})
    return _store(call, upload, b"".join(upload.pieces))


def _receive(call: StorageCall, number: str, first: int | None, total: int | None) -> Upload:
    """Add a piece to an upload, which ends with its last one. Raises 404 if another request has ended it."""

    def change(transaction: Store) -> Upload:
        upload = _get(transaction, number)
        if first is not None:
            upload = _append(upload, call.body, first)
            transaction.replace(UPLOADS, number, upload)
        if total == upload.size:
            transaction.delete(UPLOADS, number)
        return upload

    return call.world.store.transact(change)


def _append(upload: Upload, body: bytes, first: int) -> Upload:
    """Append what is new of a piece: a client repeats what may not have arrived.

    A piece from too far on is not taken.
    """
    piece = body[upload.size - first :] if first <= upload.size else b""
    return replace(upload, pieces=(*upload.pieces, piece), size=upload.size + len(piece)) if piece else upload


def _check_piece(call: StorageCall, upload: Upload, number: str, new_bytes: int) -> None:
    """Raise StorageError for an upload that becomes too large, which is forgotten then."""
    try:
        if upload.size + new_bytes > OBJECT_BYTES:
            raise errors.too_large(OBJECT_BYTES, "an object")
        _check_size(call, new_bytes)
    except errors.StorageError:
        _forget(call, number)
        raise


def cancel_upload(call: StorageCall) -> Result:
    """Cancel a resumable upload."""
    _, number = _find(call)
    _forget(call, number)
    return Result(status=499)


def _find(call: StorageCall) -> tuple[Upload, str]:
    number = call.query.get("upload_id", "")
    return _get(call.world.store, number), number


def _get(store: Store, number: str) -> Upload:
    try:
        return store.get(UPLOADS, number)
    except Missing:
        raise errors.StorageError(404, "notFound", f"Upload session not found: {number!r}") from None


def _forget(call: StorageCall, number: str) -> None:
    with contextlib.suppress(Missing):  # another request has ended it
        call.world.store.delete(UPLOADS, number)
