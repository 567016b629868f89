"""Waiting until an object is as somebody wants it.

object, Awaited, deadline -> a list, then its changes -> whether it came about in time
"""

import time
from math import ceil
from typing import Final

from app.cli.client import Api
from app.cli.fields import Json, mapping, mappings, text
from app.cli.objects.arguments import Named
from app.cli.objects.following import RESUME_PAUSE_S, follow
from app.cli.objects.lists import Scope, read
from app.cli.waiting.conditions import Awaited
from waypost.client.errors import Expired
from waypost.client.http.queries import Parameters
from waypost.client.watching.events import BOOKMARK

WATCH_S_MAX: Final = 3600  # of one watch; the server takes a day at most
_DELETED: Final = "DELETED"


def comes_about(server: Api, wanted: Named, awaited: Awaited, until_s: float) -> bool:
    """Wait until it holds, or until a moment of the monotonic clock.

    An object is checked at least once.  Raises NotFound when it does not exist and has to.
    """
    scope = Scope(wanted.namespace, fields=f"metadata.name={wanted.name}")
    query = scope.query_of(wanted.kind)
    while True:
        listed = server.ask("GET", f"/{wanted.kind.plural}", query=query)
        found = next(iter(mappings(listed, "items")), None)
        if found is None and not awaited.may_be_missing:
            found = read(server, wanted)  # refused, with the nearest names
        if awaited.holds(found):
            return True
        if time.monotonic() >= until_s:
            return False
        since = text(listed, "metadata", "resourceVersion")
        try:
            if _follow(server, wanted, awaited, {**query, "resourceVersion": since}, until_s):
                return True
        except Expired:
            continue  # the list is taken again


def _follow(
    server: Api, wanted: Named, awaited: Awaited, query: Parameters, until_s: float
) -> bool:
    left_s = min(WATCH_S_MAX, max(1, ceil(until_s - time.monotonic())))
    within = {**query, "timeoutSeconds": left_s}
    path = f"/{wanted.kind.plural}"
    for event in follow(server, within, pause_s=RESUME_PAUSE_S, path=path):
        change = text(event, "type")
        if change == BOOKMARK:
            continue
        found: Json | None = None if change == _DELETED else mapping(event, "object")
        if awaited.holds(found):
            return True
        if time.monotonic() >= until_s:
            break
    return False
