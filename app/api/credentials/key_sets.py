"""The keys of an issuer, kept fresh: fetched over HTTPS, or read from a file that changes.

    token, now -> the key that fits | None

Fetched keys are fetched again when their age ends, and at once for a token whose key is not
among them, though at most once in ten seconds, whoever asks: nobody can make this server ask an
issuer more often by inventing key names.  While an issuer is away its last keys go on, for a day.

Source: spec access 1.3.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

from app.api.credentials.claims import Issuer
from app.api.credentials.jwt import KeySet, SignedToken, VerificationKey, parse_key_set
from app.api.credentials.key_fetch import (
    DOCUMENT_OCTETS_MAX,
    FetchedKeys,
    FetchError,
    KeyFetcher,
)

RETRY: Final = timedelta(seconds=10)  # between two fetches from one issuer
GRACE: Final = timedelta(hours=24)  # for which keys go on when they cannot be fetched
WAITING_MAX: Final = 32  # requests that wait for one issuer; an issuer that hangs holds no more
_log = logging.getLogger(__name__)


def _nothing() -> None:
    pass


class KeySource(Protocol):
    """Where the keys of one issuer come from; `changed` is called when they are others."""

    changed: Callable[[], None]

    @property
    def problem(self) -> str:
        """Why the keys are not fresh, for `/readyz`; empty if they are."""
        ...

    async def find(self, token: SignedToken, *, now: datetime) -> VerificationKey | None:
        """Find the key of a token."""
        ...

    async def refresh(self, *, now: datetime) -> None:
        """Read the keys again if it is time."""
        ...


class Fetching(Protocol):
    """What fetches a key set."""

    async def fetch(self) -> FetchedKeys:
        """Fetch; raises FetchError."""
        ...


@dataclass(slots=True)
class _Fetched:
    keys: KeySet
    at: datetime
    until: datetime


class FetchedKeySet:
    """Keys that are fetched."""

    def __init__(self, fetcher: Fetching) -> None:
        """Fetch when first asked."""
        self.changed = _nothing
        self._fetcher = fetcher
        self._held: _Fetched | None = None
        self._tried_at: datetime | None = None
        self._fetching = asyncio.Lock()
        self._task: asyncio.Task[bool] | None = None
        self._waiting = 0
        self.problem = ""

    async def find(self, token: SignedToken, *, now: datetime) -> VerificationKey | None:
        """Find the key of a token, after fetching if none of the keys held fits."""
        key = self._current(now).find(token)
        if key is not None or self._waiting >= WAITING_MAX:
            return key
        self._waiting += 1
        try:
            async with self._fetching:  # those who waited find what the first has fetched
                key = self._current(now).find(token)
                if key is None and await self._fetch(now):
                    key = self._current(now).find(token)
        finally:
            self._waiting -= 1
        return key

    async def refresh(self, *, now: datetime) -> None:
        """Fetch if the keys have reached their age, or if there are none."""
        if self._held is None or now >= self._held.until:
            async with self._fetching:
                await self._fetch(now)

    def _current(self, now: datetime) -> KeySet:
        held = self._held
        return held.keys if held is not None and now < held.at + GRACE else KeySet()

    async def _fetch(self, now: datetime) -> bool:
        """Fetch unless it was tried just before; False if there is nothing new.

        A client that leaves does not end the fetch, for the others could not begin another.
        """
        if self._tried_at is not None and abs(now - self._tried_at) < RETRY:
            return False
        self._tried_at = now
        self._task = asyncio.create_task(self._fetch_to_end(now))
        return await asyncio.shield(self._task)

    async def _fetch_to_end(self, now: datetime) -> bool:
        try:
            fetched = await self._fetcher.fetch()
        except FetchError as error:
            self.problem = str(error)
            _log.warning("the keys of an issuer cannot be fetched: %s", error)
            return False
        self.problem = ""
        before = self._held
        until = now + timedelta(seconds=fetched.age_s_max)
        self._held = _Fetched(fetched.keys, now, until)
        if before is not None and before.keys != fetched.keys:
            self.changed()
        return True


class KeyFile:
    """Keys in a file, read again when the file changes; nothing is fetched."""

    def __init__(self, path: Path) -> None:
        """Read the file; raises OSError or ValueError when it holds no keys."""
        self.changed = _nothing
        self._path = path
        self._mark = _mark_of(path)
        self._keys = _read(path)
        self.problem = ""

    async def find(self, token: SignedToken, *, now: datetime) -> VerificationKey | None:
        """Find the key of a token in the file as it is now."""
        await self.refresh(now=now)
        return self._keys.find(token)

    async def refresh(self, *, now: datetime) -> None:
        """Read the file again if it has changed; one that is wrong leaves the keys as they are."""
        del now
        try:
            mark = _mark_of(self._path)
            if mark == self._mark:
                return
            keys = _read(self._path)
        except (OSError, ValueError) as error:
            if self.problem != str(error):
                _log.warning("the file of keys %s cannot be read: %s", self._path, error)
            self.problem = str(error)
            return
        self._mark, self.problem = mark, ""
        self._keys = keys
        self.changed()


def key_source_of(issuer: Issuer) -> KeySource:
    """Make what reads the keys of an issuer.

    Raises OSError or ValueError when its file of keys, or its authority, cannot be used.
    """
    if issuer.key_file:
        return KeyFile(Path(issuer.key_file))
    return FetchedKeySet(KeyFetcher(issuer))


def _mark_of(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_mtime_ns, found.st_size, found.st_ino


def _read(path: Path) -> KeySet:
    with path.open("rb") as file:
        octets = file.read(DOCUMENT_OCTETS_MAX + 1)
    if len(octets) > DOCUMENT_OCTETS_MAX:
        raise ValueError(f"it has more than {DOCUMENT_OCTETS_MAX} octets")
    return parse_key_set(octets)
