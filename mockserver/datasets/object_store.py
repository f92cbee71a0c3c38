"""Objects that clients have stored: in the records of a world, or with `--gcs-root` as files of a directory."""

import contextlib
import io
import mimetypes
import os
import re
import tempfile
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from mockserver.state.clock import SECOND, Nanos
from mockserver.state.store import Collection, Index, Missing, Store
from mockserver.state.world import World

GET_BUCKET = "storage.buckets.get"
METHODS = frozenset(
    {
        "storage.buckets.delete",
        GET_BUCKET,
        "storage.buckets.insert",
        "storage.buckets.list",
        "storage.objects.delete",
        "storage.objects.get",
        "storage.objects.insert",
        "storage.objects.list",
    }
)
"""The ids of the methods of Cloud Storage that are served, as calls and faults name them."""

BINARY = "application/octet-stream"


_BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")


def is_bucket_name(name: str) -> bool:
    """Return whether a bucket can have this name."""
    return _BUCKET_NAME.fullmatch(name) is not None


def is_unicode(name: str) -> bool:
    """Return whether UTF-8 can encode a name: JSON, Python and file systems can spell half of a surrogate pair."""
    return name.encode("utf-8", "replace").decode() == name


def _check_name(bucket: str, name: str) -> None:
    """Raise BadName for a name that could be stored, but in no list."""
    if not is_unicode(_key(bucket, name)):
        raise BadName(f"{name!r} is not valid Unicode")


class NoSuchBucket(LookupError):
    """There is no bucket of this name."""


class BucketExists(ValueError):
    """There is a bucket of this name."""


class BucketNotEmpty(ValueError):
    """The bucket has objects, so it cannot be deleted."""


class BadName(ValueError):
    """The object cannot have this name; the message says why."""


@dataclass(frozen=True, slots=True)
class Attributes:
    """What a client says of an object when it stores it."""

    content_type: str = BINARY
    content_encoding: str = ""
    cache_control: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object without its content. The generation changes whenever the content is replaced."""

    bucket: str
    name: str
    size: int
    generation: int
    created: Nanos
    md5: str
    crc32c: str
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class StoredBucket:
    """A bucket. One that was deleted is kept, so that it is known to be gone."""

    name: str
    created: Nanos
    location: str = "US"
    is_deleted: bool = False


@dataclass(frozen=True, slots=True)
class ObjectRecord:
    """An object in a world. The content is bytes."""

    object: StoredObject
    content: Any


BUCKETS: Collection[StoredBucket] = Collection(
    "storage.buckets", StoredBucket, (Index("name", lambda _: ("",), lambda _: 0),)
)
OBJECTS: Collection[ObjectRecord] = Collection(
    "storage.objects", ObjectRecord, (Index("bucket", lambda record: (record.object.bucket,), lambda _: 0),)
)
(_BY_NAME,) = BUCKETS.indexes
(_BY_BUCKET,) = OBJECTS.indexes

Check = Callable[[StoredObject | None], None]
"""Raises if what is there now (None: nothing) may not be replaced or deleted."""


OLD = 1_577_836_800 * SECOND
"""When a bucket was created that nobody has created here: in 2020, before any program that tunes."""


class Objects(ABC):
    """Buckets and their objects. A bucket comes into being with its first object, if nobody has created it."""

    # our choice: the real service answers 404. But the bucket of a program is usually older than the program, and
    # nothing but the program's own requests tells us of it.
    assumes_buckets = False
    """Whether a bucket that nobody has created, used or deleted is there, empty as far as is known."""

    def knows(self, name: str) -> bool:
        """Return whether all objects of a bucket are known here, and not only what was stored here."""
        return not self.assumes_buckets or self.is_deleted(name) or self.has_bucket(name)

    def has_bucket(self, name: str) -> bool:
        """Return whether somebody has created the bucket here, or stored something in it."""
        return any(bucket.name == name for bucket in self.buckets())

    def is_deleted(self, _: str) -> bool:
        """Return whether somebody has deleted the bucket, and nobody created it again."""
        return False

    @abstractmethod
    def buckets(self) -> list[StoredBucket]:
        """Return all buckets, ordered by name."""

    @abstractmethod
    def add_bucket(self, bucket: StoredBucket) -> None:
        """Create a bucket. Raises BucketExists or BadName."""

    @abstractmethod
    def delete_bucket(self, name: str) -> None:
        """Delete a bucket. Raises NoSuchBucket or BucketNotEmpty."""

    @abstractmethod
    def find(self, bucket: str, name: str) -> StoredObject | None:
        """Return an object, if there is one."""

    @abstractmethod
    def walk(self, bucket: str) -> Iterator[StoredObject]:
        """Iterate over the objects of a bucket, ordered by name."""

    @abstractmethod
    def open(self, bucket: str, name: str) -> BinaryIO | None:
        """Open the content of an object, if there is one."""

    @abstractmethod
    def write(
        self, bucket: str, name: str, content: bytes, attributes: Attributes, now: Nanos, check: Check
    ) -> StoredObject:
        """Store an object, or replace it. Raises BadName, and what `check` raises."""

    @abstractmethod
    def delete(self, bucket: str, name: str, check: Check) -> bool:
        """Delete an object. Return False if there is none. Raises what `check` raises."""

    def find_bucket(self, name: str) -> StoredBucket:
        """Return a bucket. Raises NoSuchBucket."""
        bucket = next((bucket for bucket in self.buckets() if bucket.name == name), None)
        if bucket is not None:
            return bucket
        if not self.assumes_buckets or self.is_deleted(name):
            raise NoSuchBucket
        return StoredBucket(name, OLD)


def objects(world: World) -> Objects:
    """Return the objects in the directory that the world's settings name, or without one in its store."""
    settings = world.settings
    if settings.gcs_root is not None:
        return FileObjects(settings.gcs_root)
    return StoreObjects(world.store, assumes_buckets=settings.unknown_buckets == "exist")


class StoreObjects(Objects):
    """Objects in the records of a world: reset, snapshot and fork include them."""

    def __init__(self, store: Store, *, assumes_buckets: bool = True) -> None:
        self._store = store
        self.assumes_buckets = assumes_buckets

    def is_deleted(self, name: str) -> bool:
        """Return whether somebody has deleted the bucket."""
        bucket = _find_bucket(self._store, name)
        return bucket is not None and bucket.is_deleted

    def buckets(self) -> list[StoredBucket]:
        """Return all buckets."""
        return [entry.record for entry in self._store.walk(BUCKETS, _BY_NAME) if not entry.record.is_deleted]

    def add_bucket(self, bucket: StoredBucket) -> None:
        """Create a bucket."""

        def change(transaction: Store) -> None:
            old = _find_bucket(transaction, bucket.name)
            if old is not None and not old.is_deleted:
                raise BucketExists
            transaction.put(BUCKETS, bucket.name, bucket)

        self._store.transact(change)

    def delete_bucket(self, name: str) -> None:
        """Delete a bucket."""

        def change(transaction: Store) -> None:
            bucket = _find_bucket(transaction, name) or StoredBucket(name, OLD, is_deleted=not self.assumes_buckets)
            if bucket.is_deleted:
                raise NoSuchBucket
            if transaction.page(OBJECTS, _BY_BUCKET, name, limit=1):
                raise BucketNotEmpty
            transaction.put(BUCKETS, bucket.name, replace(bucket, is_deleted=True))

        self._store.transact(change)

    def find(self, bucket: str, name: str) -> StoredObject | None:
        """Return an object, if there is one."""
        record = _find(self._store, bucket, name)
        return None if record is None else record.object

    def walk(self, bucket: str) -> Iterator[StoredObject]:
        """Iterate over the objects of a bucket."""
        return (entry.record.object for entry in self._store.walk(OBJECTS, _BY_BUCKET, bucket))

    def open(self, bucket: str, name: str) -> BinaryIO | None:
        """Open the content of an object, if there is one."""
        record = _find(self._store, bucket, name)
        return None if record is None else io.BytesIO(record.content)

    def write(
        self, bucket: str, name: str, content: bytes, attributes: Attributes, now: Nanos, check: Check
    ) -> StoredObject:
        """Store an object, or replace it."""
        _check_name(bucket, name)
        sums = _checksums(content)
        # A generation is a time in microseconds [documented: "a number that grows"]; a manual clock may stand still.
        generation = now // 1000 + self._store.count("storage.generations")
        blob = StoredObject(bucket, name, len(content), generation, now, *sums, attributes)

        def change(transaction: Store) -> StoredObject:
            old = _find(transaction, bucket, name)
            check(None if old is None else old.object)
            there = _find_bucket(transaction, bucket)
            if there is None or there.is_deleted:
                transaction.put(BUCKETS, bucket, StoredBucket(bucket, now))
            transaction.put(OBJECTS, _key(bucket, name), ObjectRecord(blob, content))
            return blob

        return self._store.transact(change)

    def delete(self, bucket: str, name: str, check: Check) -> bool:
        """Delete an object."""

        def change(transaction: Store) -> bool:
            old = _find(transaction, bucket, name)
            check(None if old is None else old.object)
            if old is not None:
                transaction.delete(OBJECTS, _key(bucket, name))
            return old is not None

        return self._store.transact(change)

    def size(self) -> int:
        """Return how many bytes all objects have."""
        return sum(entry.record.object.size for entry in self._store.walk(OBJECTS))


def _find_bucket(store: Store, name: str) -> StoredBucket | None:
    try:
        return store.get(BUCKETS, name)
    except Missing:
        return None


def _find(store: Store, bucket: str, name: str) -> ObjectRecord | None:
    try:
        return store.get(OBJECTS, _key(bucket, name))
    except Missing:
        return None


def _key(bucket: str, name: str) -> str:
    return f"{bucket}/{name}"


_writing = threading.Lock()
"""Held while files are compared with what a client expects, and then changed."""


class FileObjects(Objects):
    """Objects as files: gs://bucket/a/b.jsonl is ROOT/bucket/a/b.jsonl.

    A file has no place for what the client says of an object: the content type follows from its name.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def buckets(self) -> list[StoredBucket]:
        """Return all buckets: the directories of the root."""
        folders = sorted(path for path in self._root.iterdir() if path.is_dir() and not path.name.startswith("."))
        return [StoredBucket(path.name, path.stat().st_mtime_ns) for path in folders if is_unicode(path.name)]

    def add_bucket(self, bucket: StoredBucket) -> None:
        """Create a bucket."""
        try:
            self._path(bucket.name).mkdir()
        except FileExistsError:
            raise BucketExists from None

    def delete_bucket(self, name: str) -> None:
        """Delete a bucket."""
        path = self._path(name)
        if not path.is_dir():
            raise NoSuchBucket
        try:
            path.rmdir()
        except OSError:
            raise BucketNotEmpty from None

    def find(self, bucket: str, name: str) -> StoredObject | None:
        """Return an object, if there is one."""
        path = find_file(self._root, bucket, name)
        with contextlib.suppress(FileNotFoundError):  # it was deleted meanwhile
            return None if path is None else _describe(path, bucket, name)
        return None

    def walk(self, bucket: str) -> Iterator[StoredObject]:
        """Iterate over the objects of a bucket. A file whose name is no UTF-8 cannot be an object."""
        folder = self._path(bucket)
        # `os.walk` leaves out what is deleted meanwhile, which is an error of `rglob`.
        paths = (Path(parent, file) for parent, _, files in os.walk(folder) for file in files)
        for name in sorted(path.relative_to(folder).as_posix() for path in paths):
            if is_unicode(name) and (blob := self.find(bucket, name)):
                yield blob

    def open(self, bucket: str, name: str) -> BinaryIO | None:
        """Open the content of an object, if there is one."""
        path = find_file(self._root, bucket, name)
        with contextlib.suppress(FileNotFoundError):  # it was deleted meanwhile
            return None if path is None else path.open("rb")
        return None

    def write(
        self, bucket: str, name: str, content: bytes, attributes: Attributes, now: Nanos, check: Check
    ) -> StoredObject:
        """Store an object, or replace it; a reader sees the old content or the new one, never a part."""
        del attributes, now  # the file's own
        _check_name(bucket, name)
        path = self._path(bucket, *name.split("/"))
        with _writing:
            check(self.find(bucket, name))
            try:
                _write_file(path, content, self._root)
            except (FileExistsError, IsADirectoryError, NotADirectoryError):
                raise BadName(f"{name!r} cannot be a file: a file or a directory is in its way") from None
            except OSError as error:
                raise BadName(f"{name!r} cannot be written: {error.strerror}") from None
        return _describe(path, bucket, name)

    def delete(self, bucket: str, name: str, check: Check) -> bool:
        """Delete an object, and the directories that it leaves empty, up to its bucket."""
        with _writing:
            check(self.find(bucket, name))
            path = find_file(self._root, bucket, name)
            if path is None:
                return False
            path.unlink()
            with contextlib.suppress(OSError):  # a directory that is not empty
                for folder in list(path.parents)[: name.count("/")]:
                    folder.rmdir()
        return True

    def _path(self, *steps: str) -> Path:
        """Return the path of a bucket or an object. Raises BadName if it cannot be one below the root."""
        if not {"", ".", ".."}.isdisjoint(steps) or any("\0" in step or os.sep in step for step in steps):
            raise BadName(f"{'/'.join(steps[1:] or steps)!r} cannot be the name of a file or directory")
        path = self._root.joinpath(*steps)
        existing = next(parent for parent in path.parents if parent.exists())
        if not existing.resolve().is_relative_to(self._root.resolve()):
            raise BadName(f"{'/'.join(steps[1:])!r} leads out of the directory of the buckets")
        return path


def _write_file(path: Path, content: bytes, folder: Path) -> None:
    """Write a file under another name in the folder, then move it to its place. A failure leaves nothing there."""
    descriptor, name = tempfile.mkstemp(dir=folder, prefix=".mockserver-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        path.parent.mkdir(parents=True, exist_ok=True)
        Path(name).replace(path)
    except BaseException:  # whatever ends it, the part is of no use
        Path(name).unlink()
        raise


def find_file(root: Path, bucket: str, name: str) -> Path | None:
    """Return the file of an object, if it exists.

    A name or a symbolic link that leads out of the directory counts as missing, because errors quote training data.
    """
    steps = [bucket, *name.split("/")]
    if not {"", ".", ".."}.isdisjoint(steps):
        return None
    path = root.joinpath(*steps)
    try:
        return path if path.is_file() and path.resolve().is_relative_to(root.resolve()) else None
    except (OSError, ValueError):  # the name is too long, or cannot be encoded
        return None


def _describe(path: Path, bucket: str, name: str) -> StoredObject:
    status = path.stat()
    md5, crc32c = _sums(path, status.st_mtime_ns, status.st_size)
    attributes = Attributes(mimetypes.guess_type(name)[0] or BINARY)
    generation = status.st_mtime_ns // 1000
    return StoredObject(bucket, name, status.st_size, generation, status.st_mtime_ns, md5, crc32c, attributes)


@lru_cache(maxsize=1024)
def _sums(path: Path, _: int, __: int) -> tuple[str, str]:
    """Return the checksums of a file, computed once for each time of change and size."""
    return _checksums(path.read_bytes())


def _checksums(content: bytes) -> tuple[str, str]:
    from mockserver.datasets import checksums  # noqa: PLC0415 - loaded with the first object

    return checksums.md5(content), checksums.crc32c(content)


def read_all(file: BinaryIO) -> bytes:
    """Read and close a file."""
    with file:
        return file.read()
