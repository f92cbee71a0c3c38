"""A request to Cloud Storage as its handlers read it, and what they return."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mockserver.cloud_storage import errors
from mockserver.datasets import object_store
from mockserver.datasets.object_store import Check, Objects, StoredObject
from mockserver.limits import OBJECT_METADATA_BYTES
from mockserver.state.clock import Nanos
from mockserver.state.world import World

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class StorageCall:
    """A request: its world, time, names from the path, parameters, headers and body.

    `origin` is where the client sent it.
    """

    world: World
    now: Nanos
    origin: str
    path: str
    bucket: str
    name: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def objects(self) -> Objects:
        """Return the objects of the world."""
        return object_store.objects(self.world)

    @property
    def no_bucket(self) -> errors.StorageError:
        """Return the error that the bucket does not exist. One that was deleted needs no explanation."""
        if self.objects.is_deleted(self.bucket):
            return errors.no_bucket()
        advice = f'a test creates it with mockserver.create_bucket("{self.bucket}")'
        root = self.world.settings.gcs_root
        if root is None:
            return errors.no_bucket(f"unknown_buckets is 'missing', and nobody has created this bucket; {advice}")
        path = root / self.bucket
        return errors.no_bucket(f"with gcs_root a bucket is a directory, and there is no {path}; {advice}")

    def check_bucket(self) -> None:
        """Raise StorageError unless an object may be stored in the bucket: an upload creates one that may exist."""
        if self.world.settings.unknown_buckets == "exist":
            is_missing = self.objects.is_deleted(self.bucket)
        else:
            is_missing = not self.objects.has_bucket(self.bucket)
        if is_missing:
            raise self.no_bucket

    def number(self, name: str) -> int | None:
        """Return the number in a parameter, if it is there."""
        text = self.query.get(name)
        if text is None:
            return None
        if not text.isdecimal() or len(text) > 19:
            raise errors.invalid(f"Invalid value '{text}' for {name}.")
        return int(text)

    @property
    def check(self) -> Check:
        """Return the check of the request's conditions on the object that is there."""
        return conditions({name: number for name in CONDITIONS if (number := self.number(name)) is not None})


CONDITIONS = ("ifGenerationMatch", "ifGenerationNotMatch", "ifMetagenerationMatch", "ifMetagenerationNotMatch")


def conditions(numbers: Mapping[str, int]) -> Check:
    """Return the check of these conditions. An object that is not there has generation 0; no metadata ever changes."""

    def check(blob: StoredObject | None) -> None:
        generation, metageneration = (0, 0) if blob is None else (blob.generation, 1)
        actual = dict(zip(CONDITIONS, (generation, generation, metageneration, metageneration), strict=True))
        for name, number in numbers.items():
            if (actual[name] == number) is name.endswith("NotMatch"):
                raise errors.condition_not_met()

    return check


@dataclass(frozen=True, slots=True)
class Result:
    """An answer: JSON, or the bytes of an object with headers of their own."""

    body: Json | bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


def read_json(body: bytes) -> Json:
    """Read the JSON that describes an object or a bucket. Raises StorageError."""
    if len(body) > OBJECT_METADATA_BYTES:
        raise errors.invalid(f"mockserver: metadata may have {OBJECT_METADATA_BYTES:,} bytes")
    try:
        tree = json.loads(body or b"{}")
        # What is stored is listed, in names, addresses and headers; and JSON can spell what UTF-8 cannot encode.
        json.dumps(tree, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise errors.invalid("Parse Error") from None
    if not isinstance(tree, dict):
        raise errors.invalid("Parse Error")
    return tree
