"""Objects follow the same laws wherever they are kept."""

import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from mockserver.datasets import object_store
from mockserver.datasets.checksums import crc32c, md5
from mockserver.datasets.object_store import (
    Attributes,
    BadName,
    BucketExists,
    BucketNotEmpty,
    FileObjects,
    NoSuchBucket,
    Objects,
    StoredBucket,
    StoredObject,
    StoreObjects,
    find_file,
    read_all,
)
from mockserver.state.memory import MemoryStore

NOW = 1_700_000_000_000_000_000

PLACES: list[Callable[[Path], Objects]] = [lambda _: StoreObjects(MemoryStore()), FileObjects]


@pytest.fixture(params=PLACES, ids=["store", "directory"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    """Each place, empty."""
    place: Objects = request.param(tmp_path)
    return place


def accept(_: StoredObject | None) -> None:
    """Everything may be replaced."""


def write(objects: Objects, name: str, content: bytes = b"x") -> StoredObject:
    """Store an object without conditions."""
    return objects.write("bucket", name, content, Attributes(), NOW, accept)


def read(objects: Objects, name: str) -> bytes | None:
    """The content of an object, if there is one."""
    file = objects.open("bucket", name)
    return None if file is None else read_all(file)


def test_what_is_written_is_read(objects: Objects) -> None:
    """And described: size and checksums; a bucket is there with its first object."""
    write(objects, "a/b.jsonl", b"first")
    stored = write(objects, "a/b.jsonl", b"second")
    found = objects.find("bucket", "a/b.jsonl")

    assert b"second" == read(objects, "a/b.jsonl")
    assert found == stored
    assert (6, md5(b"second"), crc32c(b"second")) == (stored.size, stored.md5, stored.crc32c)
    assert "bucket" == objects.find_bucket("bucket").name


@pytest.mark.parametrize("name", ["a\ud800b", "\udcff"])
def test_no_name_is_stored_that_cannot_be_listed(objects: Objects, name: str) -> None:
    """A name that UTF-8 cannot encode is refused, and nothing is written."""
    with pytest.raises(BadName, match="not valid Unicode"):
        write(objects, name)

    assert [] == objects.buckets()


def test_a_file_whose_name_is_not_unicode_is_not_listed(tmp_path: Path) -> None:
    """It cannot be an object; nor can its directory be a bucket."""
    write(FileObjects(tmp_path), "good")
    for path in (b"bucket/\xff", b"bucket/\xff.d/x", b"\xff/x"):
        file = tmp_path / os.fsdecode(path)
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"x")

    assert ["good"] == [blob.name for blob in FileObjects(tmp_path).walk("bucket")]
    assert ["bucket"] == [bucket.name for bucket in FileObjects(tmp_path).buckets()]


def test_replacing_an_object_changes_its_generation() -> None:
    """Although a manual clock stands still."""
    objects = StoreObjects(MemoryStore())

    assert write(objects, "a").generation < write(objects, "a").generation


def test_objects_are_listed_by_name(objects: Objects) -> None:
    """In the order of their whole names, of one bucket alone."""
    for name in ("b", "a/z", "a-b", "a/b/c"):
        write(objects, name)
    objects.write("other", "a", b"", Attributes(), NOW, accept)

    assert ["a-b", "a/b/c", "a/z", "b"] == [each.name for each in objects.walk("bucket")]
    assert ["bucket", "other"] == [each.name for each in objects.buckets()]


def test_a_deleted_object_is_gone(objects: Objects) -> None:
    """Its bucket stays, can be deleted when it is empty, and not before."""
    write(objects, "a/b")
    with pytest.raises(BucketNotEmpty):
        objects.delete_bucket("bucket")

    assert objects.delete("bucket", "a/b", accept)
    assert not objects.delete("bucket", "a/b", accept)
    assert (None, None) == (objects.find("bucket", "a/b"), read(objects, "a/b"))
    assert "bucket" == objects.find_bucket("bucket").name
    objects.delete_bucket("bucket")
    with pytest.raises(NoSuchBucket):
        objects.find_bucket("bucket")
    with pytest.raises(NoSuchBucket):
        objects.delete_bucket("bucket")


def test_a_bucket_that_nobody_knows_is_older_than_the_program() -> None:
    """It is found without being created; only in a directory, which has all there are, it is missing."""
    objects, strict = StoreObjects(MemoryStore()), StoreObjects(MemoryStore(), assumes_buckets=False)
    found = objects.find_bucket("older")

    assert ("older", True) == (found.name, found.created < NOW)
    assert ([], False, True) == (objects.buckets(), objects.knows("older"), strict.knows("older"))
    for each in (strict.find_bucket, strict.delete_bucket):
        with pytest.raises(NoSuchBucket):
            each("older")
    objects.add_bucket(StoredBucket("older", NOW))
    assert objects.knows("older")


@pytest.mark.parametrize("used", [False, True])
def test_a_deleted_bucket_stays_deleted_until_somebody_creates_it_again(*, used: bool) -> None:
    """Whether it was known before or not."""
    objects = StoreObjects(MemoryStore())
    if used:
        objects.add_bucket(StoredBucket("bucket", NOW))
    objects.delete_bucket("bucket")

    assert (True, True, []) == (objects.is_deleted("bucket"), objects.knows("bucket"), objects.buckets())
    for each in (objects.find_bucket, objects.delete_bucket):
        with pytest.raises(NoSuchBucket):
            each("bucket")
    objects.add_bucket(StoredBucket("bucket", NOW, "EU"))
    assert StoredBucket("bucket", NOW, "EU") == objects.find_bucket("bucket")


def test_a_bucket_is_created_once(objects: Objects) -> None:
    """The second time is an error."""
    objects.add_bucket(StoredBucket("bucket", NOW))

    with pytest.raises(BucketExists):
        objects.add_bucket(StoredBucket("bucket", NOW))


def test_a_check_sees_what_is_there_and_stops_the_change(objects: Objects) -> None:
    """Writing and deleting alike."""
    seen: list[StoredObject | None] = []

    def refuse(found: StoredObject | None) -> None:
        seen.append(found)
        raise ZeroDivisionError

    first = write(objects, "a", b"kept")
    for name in ("a", "b"):
        with pytest.raises(ZeroDivisionError):
            objects.write("bucket", name, b"new", Attributes(), NOW, refuse)
        with pytest.raises(ZeroDivisionError):
            objects.delete("bucket", name, refuse)

    assert [first, first, None, None] == seen
    assert (b"kept", None) == (read(objects, "a"), read(objects, "b"))


@pytest.mark.parametrize("name", ["../a", "a/../../b", "/a", "a//b", "a/", "./a", "a\0b"])
def test_no_name_leads_out_of_the_directory(name: str, tmp_path: Path) -> None:
    """A name that cannot be a file's below the bucket is refused, and nothing is written."""
    root = tmp_path / "root"
    root.mkdir()

    with pytest.raises(BadName):
        write(FileObjects(root), name)
    assert [root] == list(tmp_path.rglob("*"))


def test_no_link_leads_out_of_the_directory(tmp_path: Path) -> None:
    """Neither a linked directory nor a linked file is written through; the link itself is replaced."""
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "bucket").mkdir(parents=True)
    outside.mkdir()
    (outside / "file").write_text("theirs")
    (root / "bucket" / "folder").symlink_to(outside)
    (root / "bucket" / "link").symlink_to(outside / "file")
    (root / "linked").symlink_to(outside)
    objects = FileObjects(root)

    with pytest.raises(BadName):
        write(objects, "folder/new")
    with pytest.raises(BadName):
        objects.write("linked", "new", b"x", Attributes(), NOW, accept)
    write(objects, "link", b"ours")
    assert b"ours" == read(objects, "link")
    assert "theirs" == (outside / "file").read_text()
    assert ["file"] == [path.name for path in outside.iterdir()]


def test_a_file_in_the_way_is_an_error(tmp_path: Path) -> None:
    """A directory cannot be replaced by a file, nor a file be a directory."""
    objects = FileObjects(tmp_path)
    write(objects, "a/b")

    for name in ("a", "a/b/c"):
        with pytest.raises(BadName):
            write(objects, name)
    assert b"x" == read(objects, "a/b")
    assert ["bucket"] == [path.name for path in tmp_path.iterdir()]


def test_a_file_that_is_deleted_while_it_is_read_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another request, or a program, may delete it at any time: it is in no list, and not found."""

    def find_and_delete(root: Path, bucket: str, name: str) -> Path | None:
        path = find_file(root, bucket, name)
        if path is not None and path.name == "b":
            path.unlink()
        return path

    monkeypatch.setattr(object_store, "find_file", find_and_delete)
    objects = FileObjects(tmp_path)
    write(objects, "a")
    seen: list[object] = []
    for look in (
        lambda: [blob.name for blob in objects.walk("bucket")],
        lambda: objects.find("bucket", "b"),
        lambda: objects.open("bucket", "b"),
    ):
        (tmp_path / "bucket" / "b").write_bytes(b"x")
        seen.append(look())

    assert [["a"], None, None] == seen


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """Neither a part of the file nor its directories: on a full disk they would stay for good."""
    objects, limits = FileObjects(tmp_path), resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
        for size in (1001, 100_000):  # the first fits into the buffer, and fails when it is flushed
            with pytest.raises(BadName, match="File too large"):
                write(objects, "a/b", b"x" * size)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)

    assert [] == list(tmp_path.iterdir())


def test_deleting_the_last_file_removes_its_directories(tmp_path: Path) -> None:
    """Up to the bucket: it would count as not empty otherwise."""
    objects = FileObjects(tmp_path)
    write(objects, "a/b/c")
    objects.delete("bucket", "a/b/c", accept)

    assert [tmp_path / "bucket"] == list(tmp_path.rglob("*"))
