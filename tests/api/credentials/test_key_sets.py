"""Keys that rotate: fetched again when it is time, and no more often than that."""

import asyncio
import os
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from app.api.credentials.jwt import KeySet, SignedToken, read_jwt
from app.api.credentials.key_fetch import DOCUMENT_OCTETS_MAX, FetchedKeys, FetchError, KeyFetcher
from app.api.credentials.key_sets import GRACE, RETRY, WAITING_MAX, FetchedKeySet, KeyFile
from tests.api.credentials.signing import NOW, jwk_of, key_for, key_set, octets_of, signed
from tests.api.credentials.test_key_fetch import local, serving

OLD, NEW = (jwk_of(key_for("ES256", number), kid=str(number)) for number in (0, 1))
AGE = timedelta(seconds=600)


def token_of(kid: str) -> SignedToken:
    token = read_jwt(signed(kid=kid))
    assert isinstance(token, SignedToken)
    return token


@dataclass(slots=True)
class Issuing:
    """Stands for an issuer: its keys now, None while it is away."""

    keys: KeySet | None
    fetches: int = 0
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    held: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.held.set()

    async def fetch(self) -> FetchedKeys:
        self.fetches += 1
        self.asked.set()
        await self.held.wait()
        if self.keys is None:
            raise FetchError("away")
        return FetchedKeys(keys=self.keys, age_s_max=int(AGE.total_seconds()))


async def found(keys: FetchedKeySet | KeyFile, kid: str, now: datetime = NOW) -> bool:
    return await keys.find(token_of(kid), now=now) is not None


async def test_keys_are_fetched_when_first_asked_and_then_kept() -> None:
    issuing = Issuing(key_set(OLD))
    keys = FetchedKeySet(issuing)
    assert [await found(keys, "0") for _ in range(3)] == [True] * 3
    assert issuing.fetches == 1


async def test_a_key_that_is_not_there_fetches_again_at_most_once_in_ten_seconds() -> None:
    issuing = Issuing(key_set(OLD))
    keys = FetchedKeySet(issuing)
    assert await found(keys, "0")
    issuing.keys = key_set(OLD, NEW)
    assert not await found(keys, "1", NOW + RETRY / 2)
    assert await found(keys, "1", NOW + RETRY)
    for invented in "abcdef":
        assert not await found(keys, invented, NOW + RETRY)
    assert issuing.fetches == 2


async def test_many_who_miss_the_same_key_share_one_fetch() -> None:
    issuing = Issuing(key_set(NEW))
    issuing.held.clear()
    keys = FetchedKeySet(issuing)
    asking = [asyncio.create_task(found(keys, "1")) for _ in range(20)]
    await asyncio.sleep(0)
    issuing.held.set()
    assert await asyncio.gather(*asking) == [True] * 20
    assert issuing.fetches == 1


async def test_an_issuer_that_hangs_holds_a_bounded_number_of_requests() -> None:
    issuing = Issuing(key_set(OLD))
    keys = FetchedKeySet(issuing)
    assert await found(keys, "0")
    issuing.held.clear()
    asking = [asyncio.create_task(found(keys, "1", NOW + RETRY)) for _ in range(WAITING_MAX + 5)]
    done, waiting = await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
    assert (len(done), len(waiting)) == (5, WAITING_MAX)
    assert await found(keys, "0", NOW + RETRY), "keys that are held are found at once"
    issuing.keys = key_set(NEW)
    issuing.held.set()
    assert sum(await asyncio.gather(*asking)) == WAITING_MAX
    assert issuing.fetches == 2


async def test_one_who_leaves_does_not_end_the_fetch_of_the_others() -> None:
    issuing = Issuing(key_set(NEW))
    issuing.held.clear()
    keys = FetchedKeySet(issuing)
    leaving = asyncio.create_task(found(keys, "1"))
    await issuing.asked.wait()
    leaving.cancel()
    staying = asyncio.create_task(found(keys, "1", NOW + RETRY))
    issuing.held.set()
    assert await staying
    with pytest.raises(asyncio.CancelledError):
        await leaving


async def test_keys_are_fetched_again_at_their_age_and_not_before() -> None:
    issuing = Issuing(key_set(OLD))
    keys = FetchedKeySet(issuing)
    await keys.refresh(now=NOW)
    issuing.keys = key_set(NEW)
    await keys.refresh(now=NOW + AGE - timedelta(seconds=1))
    assert await found(keys, "0", NOW + AGE - timedelta(seconds=1))
    await keys.refresh(now=NOW + AGE)
    assert not await found(keys, "0", NOW + AGE), "a key that is withdrawn counts no more"
    assert await found(keys, "1", NOW + AGE)
    assert issuing.fetches == 2


async def test_the_last_keys_go_on_for_a_day_while_the_issuer_is_away() -> None:
    issuing = Issuing(key_set(OLD))
    keys = FetchedKeySet(issuing)
    await keys.refresh(now=NOW)
    issuing.keys = None
    await keys.refresh(now=NOW + AGE)
    assert keys.problem == "away"
    assert await found(keys, "0", NOW + GRACE - timedelta(seconds=1))
    assert not await found(keys, "0", NOW + GRACE)
    issuing.keys = key_set(OLD)
    assert await found(keys, "0", NOW + GRACE + RETRY)
    assert keys.problem == ""


async def test_without_any_keys_nothing_is_found_and_the_problem_is_told() -> None:
    keys = FetchedKeySet(Issuing(None))
    assert not await found(keys, "0")
    assert keys.problem == "away"


async def test_a_change_of_keys_is_announced_and_no_other_fetch() -> None:
    changes: list[datetime] = []
    issuing, now = Issuing(key_set(OLD)), NOW
    keys = FetchedKeySet(issuing)
    keys.changed = lambda: changes.append(now)
    for number in range(4):
        now = NOW + number * AGE
        issuing.keys = key_set(OLD) if number < 2 else key_set(NEW)
        await keys.refresh(now=now)
    assert issuing.fetches == 4
    assert changes == [NOW + 2 * AGE]


async def test_keys_rotate_on_a_real_server(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        server.set("/keys", octets_of(OLD))
        keys = FetchedKeySet(KeyFetcher(server.issuer(), resolve=local))
        assert await found(keys, "0")
        server.set("/keys", octets_of(NEW))
        assert await found(keys, "1", NOW + RETRY)
        assert not await found(keys, "0", NOW + RETRY)
    assert await found(keys, "1", NOW + 10 * RETRY), "away, and its keys go on"
    assert not await found(keys, "2", NOW + 10 * RETRY)
    assert keys.problem


def rewritten(path: Path, octets: bytes) -> None:
    """Replace a file as an editor does, at another time even on a coarse clock."""
    before = path.stat().st_mtime_ns
    path.write_bytes(octets)
    os.utime(path, ns=(before + 1_000_000, before + 1_000_000))


async def test_a_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    changes: list[str] = []
    path = tmp_path / "keys.json"
    path.write_bytes(octets_of(OLD))
    keys = KeyFile(path)
    keys.changed = lambda: changes.append("changed")
    assert await found(keys, "0")
    rewritten(path, octets_of(NEW))
    assert await found(keys, "1")
    assert not await found(keys, "0")
    assert changes == ["changed"]


@pytest.mark.parametrize("octets", [None, b"{", b" " * (DOCUMENT_OCTETS_MAX + 1)])
async def test_a_file_that_is_wrong_leaves_the_keys_and_is_told(
    tmp_path: Path, octets: bytes | None
) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes(octets_of(OLD))
    keys = KeyFile(path)
    if octets is None:
        path.unlink()
    else:
        rewritten(path, octets)
    assert await found(keys, "0")
    assert await found(keys, "0")
    assert keys.problem
    path.touch()
    rewritten(path, octets_of(OLD, NEW))
    assert await found(keys, "1")
    assert keys.problem == ""


def test_a_file_that_is_wrong_at_first_raises(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        KeyFile(tmp_path / "keys.json")
    (tmp_path / "keys.json").write_bytes(b"[]")
    with pytest.raises(ValueError, match="no list of keys"):
        KeyFile(tmp_path / "keys.json")
