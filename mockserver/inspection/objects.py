"""The objects of Cloud Storage in a world, by their URIs: a test adds them, and reads those of its code."""

import contextlib
from collections.abc import Iterator, MutableMapping

from mockserver.datasets import object_store
from mockserver.datasets.object_store import (
    GET_BUCKET,
    Attributes,
    BucketExists,
    StoredBucket,
    StoredObject,
    is_bucket_name,
    read_all,
)
from mockserver.inspection.names import NoSuchName, list_names
from mockserver.state.calls import RecordedCall
from mockserver.state.world import World


class StoredObjects(MutableMapping[str, bytes]):
    """The content of each object by its gs:// URI."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._objects = object_store.objects(world)

    def __getitem__(self, uri: str) -> bytes:
        __tracebackhide__ = True
        file = self._objects.open(*_split_uri(uri))
        if file is None:
            raise self._missing(uri)
        return read_all(file)

    def __setitem__(self, uri: str, content: bytes | str) -> None:
        __tracebackhide__ = True
        if not isinstance(content, str | bytes | bytearray | memoryview):
            raise TypeError(
                f"an object is bytes or a text, not {type(content).__name__}; training data is a JSON value a line:"
                " '\\n'.join(map(json.dumps, rows))"
            )
        raw = content.encode() if isinstance(content, str) else bytes(content)
        self._objects.write(*_split_uri(uri), raw, Attributes(), self._world.clock.now(), _accept)

    def __delitem__(self, uri: str) -> None:
        __tracebackhide__ = True
        if not self._objects.delete(*_split_uri(uri), _accept):
            raise self._missing(uri)

    def _missing(self, uri: str) -> NoSuchName:
        return NoSuchName(f"there is no object {uri!r}; there are: {list_names([*self])}")

    def __iter__(self) -> Iterator[str]:
        return (
            f"gs://{bucket.name}/{each.name}"
            for bucket in self._objects.buckets()
            for each in self._objects.walk(bucket.name)
        )

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return repr(list(self))


def create_bucket(world: World, name: str) -> None:
    """Create a bucket; one that exists stays as it is. ValueError for a name that no bucket can have."""
    __tracebackhide__ = True
    if not is_bucket_name(name):
        raise ValueError(f"{name!r} is not the name of a bucket: 3 to 222 of a-z, 0-9, '.', '_' and '-', without gs://")
    with contextlib.suppress(BucketExists):
        object_store.objects(world).add_bucket(StoredBucket(name, world.clock.now()))


def looked_before_creation(world: World, call: RecordedCall) -> bool:
    """Return whether a call got a bucket that did not exist yet, but does now.

    Code looks and then creates it; google-cloud-storage looks in a thread of its own, by a request like any other.
    """
    if call.method != GET_BUCKET or call.status != 404 or call.request is None:
        return False
    return object_store.objects(world).has_bucket(call.request["bucket"])


def _accept(_: StoredObject | None) -> None:
    """Replace and delete whatever is there."""


def _split_uri(uri: str) -> tuple[str, str]:
    """Return bucket and name. ValueError for a text that is not the URI of an object."""
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    if not uri.startswith("gs://") or not bucket or not name:
        raise ValueError(f"{uri!r} is not the URI of an object: gs://bucket/name")
    return bucket, name
