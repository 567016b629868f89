"""The view that a DNS server answers from, and its options.

Both come from the composition root; a worker process receives the options from its parent.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol as Port

from app.dns.upstream.cache import BYTES_MAX
from app.dns.upstream.server_list import Server
from app.domain.changes import Change
from app.domain.names import Revision
from app.domain.snapshot import Snapshot
from app.registry.reads.view import Subscriber


class View(Port):
    """What the server needs of the registry's view."""

    @property
    def snapshot(self) -> Snapshot:
        """The latest state."""
        ...

    @property
    def is_synced(self) -> bool:
        """Whether the state has been loaded once."""
        ...

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call ``subscriber`` after every commit; the returned function unsubscribes."""
        ...

    def history(self, since: Revision) -> tuple[Change, ...]:
        """List the changes after ``since``; raises Expired when some are gone."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """Features beyond answering from the zone; all are off unless set.

    ``upstreams`` are the servers for names out of the zone, ``notify`` the secondaries that get
    NOTIFY.  ``rate_limit_per_s`` is the number of answers of one kind to one network over UDP
    per second; 0 is no limit.  ``cache_bytes_max`` is the memory for upstream replies.
    """

    upstreams: tuple[Server, ...] = ()
    notify: tuple[Server, ...] = ()
    rate_limit_per_s: int = 0
    cache_bytes_max: int = BYTES_MAX
