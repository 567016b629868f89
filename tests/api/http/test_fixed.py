"""Answers whose octets stay the same: made once, and sent as the client takes them."""

import asyncio
import gzip
import os

import pytest
from fastapi import Request

from app.api.http.fixed import Fixed
from app.api.http.packing import PACKED_BYTES_MIN


def asking(**headers: str) -> Request:
    fields = [(name.replace("_", "-").encode(), text.encode()) for name, text in headers.items()]
    return Request({"type": "http", "headers": fields})


@pytest.mark.parametrize("size", [0, PACKED_BYTES_MIN - 1, PACKED_BYTES_MIN, 100_000])
async def test_both_codings_mean_the_same(size: int) -> None:
    fixed = Fixed(lambda: b"x" * size, media_type="text/plain")
    plain = await fixed.answer(asking())
    packed = await fixed.answer(asking(accept_encoding="gzip"))
    is_packed = "content-encoding" in packed.headers
    assert is_packed == (size >= PACKED_BYTES_MIN)
    assert (gzip.decompress(packed.body) if is_packed else packed.body) == plain.body == b"x" * size
    assert plain.headers["etag"] == packed.headers["etag"]
    assert packed.headers["content-length"] == str(len(packed.body))


async def test_octets_that_do_not_shrink_are_sent_as_they_are() -> None:
    noise = os.urandom(PACKED_BYTES_MIN)
    answer = await Fixed(lambda: noise, media_type="text/plain").answer(
        asking(accept_encoding="gzip")
    )
    assert "content-encoding" not in answer.headers
    assert answer.body == noise


async def test_octets_are_made_once_for_all_that_ask_together() -> None:
    made: list[int] = []

    def make() -> bytes:
        made.append(1)
        return b"text"

    fixed = Fixed(make, media_type="text/plain")
    answers = await asyncio.gather(*(fixed.answer(asking()) for _ in range(8)), fixed.prepare())
    await fixed.prepare()
    assert {answer.body for answer in answers if answer is not None} == {b"text"}
    assert made == [1]


@pytest.mark.parametrize("mark", ["", "W/"])
async def test_a_tag_is_of_the_octets(mark: str) -> None:
    fixed = Fixed(lambda: b"text", media_type="text/plain")
    whole = await fixed.answer(asking())
    tag = whole.headers["etag"]
    assert tag.startswith("W/")
    for listed in (f"{mark}{tag[2:]}", f'"other", {mark}{tag[2:]}', "*"):
        known = await fixed.answer(asking(if_none_match=listed))
        assert (known.status_code, known.body) == (304, b"")
        assert known.headers["etag"] == tag
    other = await Fixed(lambda: b"texts", media_type="text/plain").answer(asking(if_none_match=tag))
    assert (other.status_code, other.body) == (200, b"texts")
