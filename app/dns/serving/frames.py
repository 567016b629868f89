"""The messages between the parent process and its workers, as frames.

    Setup, Part …, then Committed …              parent -> worker
    Stats                                        worker -> parent

A frame is its length and a pickle.  That is safe: both ends run the same program as the
same user, over a socket pair that no other process has.
"""

import pickle
from asyncio import IncompleteReadError, StreamReader
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from app.dns.answering.protocol import ProtocolConfig
from app.dns.counters import Stats
from app.dns.serving.server import ServerOptions
from app.domain.changes import Change
from app.domain.names import Revision
from app.domain.objects.resource import Object
from app.domain.resources import STORED
from app.domain.snapshot import Snapshot

PART_OBJECTS = 500  # in one frame, so that encoding it does not block the event loop for long
_LENGTH_BYTES = 8


@dataclass(frozen=True, slots=True)
class Setup:
    """The settings of the server."""

    config: ProtocolConfig
    options: ServerOptions


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the objects of the initial state; the last part has its revision."""

    objects: tuple[Object, ...]
    revision: Revision | None = None


@dataclass(frozen=True, slots=True)
class Committed:
    """Later changes; with ``has_more`` the rest of the same commit follows."""

    changes: tuple[Change, ...]
    has_more: bool = False


Frame = Setup | Part | Committed | Stats


def encode_frame(frame: Frame) -> bytes:
    """Write a frame."""
    octets = pickle.dumps(frame, protocol=pickle.HIGHEST_PROTOCOL)
    return len(octets).to_bytes(_LENGTH_BYTES) + octets


async def read_frame(reader: StreamReader) -> Frame | None:
    """Read the next frame; None when the other process has closed the connection."""
    try:
        size = int.from_bytes(await reader.readexactly(_LENGTH_BYTES))
        frame: Frame = pickle.loads(await reader.readexactly(size))  # noqa: S301  from ourselves
    except (IncompleteReadError, ConnectionError):
        return None
    return frame


def parts_of(snapshot: Snapshot) -> Iterator[Frame]:
    """Split a snapshot into frames."""
    every = (each for kind in STORED for each in snapshot.of(kind).values())
    while part := tuple(islice(every, PART_OBJECTS)):
        yield Part(part)
    yield Part((), snapshot.revision)
