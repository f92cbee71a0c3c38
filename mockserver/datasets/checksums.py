"""The two checksums of an object, in base64 as Cloud Storage writes them. The client libraries compare them."""

import hashlib
from base64 import b64encode
from collections.abc import Callable
from functools import cache

_POLYNOMIAL = 0x82F63B78  # Castagnoli's, bits reversed


def md5(content: bytes) -> str:
    """Return the MD5 of an object."""
    return b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


def crc32c(content: bytes) -> str:
    """Return the CRC32C of an object."""
    return b64encode(_implementation()(content).to_bytes(4)).decode()


@cache
def _implementation() -> Callable[[bytes], int]:
    """Return the fastest function there is: Google's package, which every client of Cloud Storage has, or our own."""
    try:
        from google_crc32c import value  # noqa: PLC0415 - loaded with the first object
    except ImportError:
        return compute_crc32c
    return lambda content: int(value(content))


def compute_crc32c(content: bytes) -> int:
    """Compute a CRC32C, 15 MB a second: the standard library has only another CRC-32."""
    table = _table()
    value = 0xFFFFFFFF
    for byte in content:
        value = table[(value ^ byte) & 0xFF] ^ (value >> 8)
    return value ^ 0xFFFFFFFF


@cache
def _table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (_POLYNOMIAL if value & 1 else 0)  # noqa: PLW2901 - shifted out bit by bit
        table.append(value)
    return table
