"""What the bounds of a server have refused, and how much of each is in use, in this process.

    a bound is reached -> refusals[bound] + 1          something begins, ends -> in_use[bound]

Each is counted where it is enforced, as connections, layers, streams and the queue of writes know
nothing of each other; a process serves one API.  ``docs/operations.md`` says what each is for.
"""

from collections import Counter
from enum import StrEnum
from typing import Final


class Bound(StrEnum):
    """Bounds, by the label of their metrics."""

    CONNECTIONS = "connections"
    REQUESTS = "requests"
    REQUESTS_OF_USER = "requests_of_user"
    BODIES = "bodies_octets"
    BODY = "body_octets"
    BODY_TIME = "body_seconds"
    TARGET = "target_octets"
    HEAD = "head_octets"
    HEAD_TIME = "head_seconds"
    HANDSHAKES = "handshakes"
    HANDSHAKE_TIME = "handshake_seconds"
    WATCHERS = "watchers"
    WATCHERS_OF_USER = "watchers_of_user"
    FAILED_AUTHENTICATIONS = "failed_authentications"
    WRITES_QUEUED = "writes_queued"
    WRITE_QUEUE_TIME = "write_queue_seconds"


refusals: Final = Counter[Bound]()
in_use: Final = Counter[Bound]()
