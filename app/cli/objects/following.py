"""Events of a watch that resumes after a lost connection.

path, query -> GET -> events, none of them twice
"""

import time
from collections.abc import Iterator
from typing import Final

from app.cli.client import Api
from app.cli.failures import words_of
from app.cli.fields import Json, mapping, text
from app.cli.output import print_warning
from waypost.client.errors import Misbehaved, Unreachable
from waypost.client.http.queries import Parameters
from waypost.client.watching.events import Event, Resume, event_of

RESUME_PAUSE_S: Final = 1.0
WATCH: Final = "/watch"


def follow(server: Api, query: Parameters, *, pause_s: float, path: str = WATCH) -> Iterator[Json]:
    """Yield events; after a lost connection, resume after the last complete revision.

    That is the revision of a bookmark, which the server sends after every batch; later
    events that have been yielded are not repeated.  Raises Refused when the server ends
    the watch with an error, and the error of a first connection that fails.
    """
    resume, has_begun = Resume(str(query.get("resourceVersion") or "")), False
    # Of one kind's collection, a watch has the parameters of Kubernetes.
    told_of_progress = (
        {"progress": True} if path == WATCH else {"watch": True, "allowWatchBookmarks": True}
    )
    seen: set[tuple[str, ...]] = set()  # events after the last complete revision
    while True:
        may_be_repeated = frozenset(seen)
        following = {**query, "resourceVersion": resume.begin(), **told_of_progress}
        try:
            for document in server.follow(path, query=following):
                has_begun = True
                event = event_of(document, url=server.url)
                identity = _identity(event)
                if resume.advance(event):
                    seen.clear()
                else:
                    seen.add(identity)
                if identity not in may_be_repeated:
                    yield document
        except (Unreachable, Misbehaved) as lost:
            if not has_begun:
                raise
            since = resume.since or "none"
            print_warning(f"{words_of(lost)}; going on after revision {since}")
        if query.get("timeoutSeconds"):
            return
        time.sleep(pause_s)


def _identity(event: Event) -> tuple[str, ...]:
    meta = mapping(event.object, "metadata")
    names = (text(meta, name) for name in ("namespace", "name", "resourceVersion"))
    return (event.type, text(event.object, "kind"), *names)
