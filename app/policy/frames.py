"""Frames between the server and the process that evaluates: four octets of length, then JSON.

    {"checks" | "evaluates": texts, "environment", "variables"} -> [{"value" | "error" | …}]

The process is less trusted than the server, since it runs what others wrote: sizes are bounded
on both ways.
"""

import json
from collections.abc import Callable
from typing import Final

LENGTH_OCTETS: Final = 4
FRAME_OCTETS_MAX: Final = 4 * 1024 * 1024


class FrameError(Exception):
    """A frame is longer than its bound, or not JSON."""


def encode_frame(content: object) -> bytes:
    """Write a frame; raises FrameError when it is too long, ValueError for what JSON has not."""
    octets = json.dumps(content, allow_nan=False, separators=(",", ":")).encode()
    if len(octets) > FRAME_OCTETS_MAX:
        raise FrameError(f"more than {FRAME_OCTETS_MAX} octets")
    return len(octets).to_bytes(LENGTH_OCTETS, "big") + octets


def length_of(head: bytes) -> int:
    """Read the length of the content that follows."""
    length = int.from_bytes(head, "big")
    if length > FRAME_OCTETS_MAX:
        raise FrameError(f"more than {FRAME_OCTETS_MAX} octets")
    return length


def decode_content(octets: bytes) -> object:
    """Read the content of a frame."""
    try:
        return json.loads(octets)
    except (ValueError, RecursionError) as error:
        raise FrameError("not JSON") from error


def read_frame(read: Callable[[int], bytes]) -> object | None:
    """Read a frame from a stream that blocks; None when the stream has ended."""
    head = read(LENGTH_OCTETS)
    if len(head) < LENGTH_OCTETS:
        return None
    return decode_content(read(length_of(head)))
