"""Answers that are compressed, whole or behind a shared beginning."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.packing import _joined, accepts_gzip, share  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("", False),
        ("gzip", True),
        ("br, gzip;q=0.5", True),
        ("gzip;q=0", False),
        ("*", True),
        ("identity", False),
        ("GZIP", True),
    ],
)
def test_clients_say_what_they_can_read(header: str, accepted: object) -> None:
    assert accepts_gzip(header) is accepted


@given(st.binary(max_size=400), st.binary(max_size=100), st.binary(max_size=100))
def test_a_shared_beginning_may_have_any_end(beginning: bytes, one: bytes, other: bytes) -> None:
    shared = share(beginning)
    assert gzip.decompress(_joined(shared, one)) == beginning + one
    assert gzip.decompress(_joined(shared, other)) == beginning + other
