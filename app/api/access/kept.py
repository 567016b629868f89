"""Permits of requests that were allowed a moment ago, kept for the same request to come again.

    header fields that identify the caller, request -> key
    key, snapshot -> Permit, if the state still has every part by which it was given

Only requests with one of our own tokens are kept, which most programs send with every request, and
with nothing else that identifies a caller: their outcome depends on the state alone, not on the
connection or on configuration files.

Source: access.md 1.2 and 2.13.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from operator import is_
from typing import Final
from urllib.parse import unquote_to_bytes

from starlette.types import Scope

from app.api.access.identity import Permit
from app.api.credentials.authorization import AUTHORIZATION
from app.api.credentials.outcomes import Method
from app.api.http.kept_answers import Ground
from app.api.transport.connection import PEER_CERTIFICATE
from app.domain.access.rights.index import maps_of
from app.domain.objects.token import TOKEN
from app.domain.snapshot import Snapshot

KEPT_MAX: Final = 4_096  # permits
TARGET_MAX: Final = 512  # characters of the path, and octets of the query, of a request kept
_REVISED: Final = b"resourceVersion"

Key = tuple[bytes, str, str, bytes]
"""Digest of the credentials, method, path and query."""


class KeptPermits:
    """The permits given on the tokens, roles and bindings of one state; used by one event loop.

    There are at most ``kept_max``, and the oldest is replaced first.
    """

    def __init__(self, *, kept_max: int = KEPT_MAX) -> None:
        self._kept_max = kept_max
        self._kept: dict[Key, Permit] = {}
        self._snapshot: Snapshot | None = None
        self._is_same = _never

    def find(self, key: Key, snapshot: Snapshot, now: datetime) -> Permit | None:
        """Give the permit of the same request before, if it holds on a state and at a time."""
        if snapshot is not self._snapshot:
            self._follow(snapshot)
        permit = self._kept.get(key)
        return None if permit is None or permit.has_ended_at(now) else permit

    def keep(self, key: Key, snapshot: Snapshot, permit: Permit) -> None:
        """Keep the permit of a request that was allowed on a state.

        What the agent of a node may do depends on its Pods, too, and is not kept.
        """
        caller = permit.caller
        if caller.method is not Method.TOKEN or caller.user.node_name is not None:
            return
        if snapshot is not self._snapshot:
            return  # it has changed since
        if len(self._kept) >= self._kept_max:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = permit

    def ground_of(self, key: Key, permit: Permit) -> Ground | None:
        """Give what says whether a permit holds on a state; None if it is not kept."""
        return self._is_same if self._kept.get(key) is permit else None

    def _follow(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        if not self._is_same(snapshot):
            self._kept.clear()
            self._is_same = _same_as(snapshot)


def key_of(scope: Scope, identity: Sequence[tuple[bytes, bytes]]) -> Key | None:
    """Give the key of a request; None where its permit cannot be kept.

    A request that names a revision is evaluated on the state that it waits for.
    """
    if len(identity) != 1 or identity[0][0] != AUTHORIZATION or scope.get(PEER_CERTIFICATE):
        return None
    path, query = scope["path"], scope["query_string"]
    if len(path) > TARGET_MAX or (query and not _is_kept(query)):
        return None
    return hashlib.sha256(identity[0][1]).digest(), scope["method"], path, query


def _same_as(snapshot: Snapshot) -> Ground:
    """Make what says whether a state has the parts of this one that decide."""
    before = _ground(snapshot)
    return lambda state: all(map(is_, before, _ground(state)))


def _never(_: Snapshot) -> bool:
    return False


def _is_kept(query: bytes) -> bool:
    return len(query) <= TARGET_MAX and _REVISED not in unquote_to_bytes(query)


def _ground(snapshot: Snapshot) -> tuple[object, ...]:
    """Give the parts of a state that decide; another state has the very same until one changes."""
    return snapshot.of(TOKEN), *maps_of(snapshot)
