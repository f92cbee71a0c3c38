"""Checksums are those that clients compute."""

import base64

from hypothesis import given
from hypothesis import strategies as st

from mockserver.datasets.checksums import compute_crc32c, crc32c, md5


def test_crc32c_of_the_check_string() -> None:
    """The published check value of CRC-32C (RFC 3720), and the values of nothing."""
    assert 0xE3069283 == compute_crc32c(b"123456789")
    assert 0x8A9136AA == compute_crc32c(bytes(32))
    assert "AAAAAA==" == crc32c(b"")
    assert "1B2M2Y8AsgTpgAmY7PhCfg==" == md5(b"")


@given(st.binary(max_size=300))
def test_crc32c_is_the_remainder_of_the_polynomial(content: bytes) -> None:
    """Bit by bit, as its definition says."""
    value = 0xFFFFFFFF
    for byte in content:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)

    assert base64.b64encode((value ^ 0xFFFFFFFF).to_bytes(4)).decode() == crc32c(content)
