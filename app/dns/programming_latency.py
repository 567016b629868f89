"""How long a change of endpoints took until names showed it.

    slice whose trigger time is new + the time of day -> seconds, by kind of Service

The trigger time is when the first of the Pods that led to a slice changed; whoever
makes slices notes it, to the second.  What is there at the start was no change.
Source: spec dns A14.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final

from app.dns.counters import Durations
from app.domain.changes import Change
from app.domain.objects.endpoint_slice import TRIGGER_TIME_ANNOTATION, EndpointSlice
from app.domain.objects.meta import NOTHING
from app.domain.objects.resource import Object
from app.domain.snapshot import Snapshot

BOUNDS_S: Final = tuple(0.001 * 2**step for step in range(20))


class ServiceKind(StrEnum):
    """What names of a Service lead to, in the words of the metric."""

    CLUSTER_IP = "cluster_ip"
    HEADLESS = "headless_with_selector"


class Programming:
    """The durations of one server since it started."""

    def __init__(self) -> None:
        self.durations = {kind: Durations(BOUNDS_S) for kind in ServiceKind}

    def observe(self, after: Snapshot, changes: Iterable[Change], now_s: float) -> None:
        """Count what ``changes`` took; ``now_s`` is the time of day, ``after`` shows them."""
        for change in changes:
            slice_, earlier = change.after, change.before
            if not isinstance(slice_, EndpointSlice) or slice_.service is None:
                continue
            begun_s = _seconds_of(slice_)
            service = after.services.get(slice_.service)
            if service is None or begun_s is None or _is_the_same(earlier, slice_):
                continue
            kind = ServiceKind.HEADLESS if service.is_headless else ServiceKind.CLUSTER_IP
            self.durations[kind].add(max(0.0, now_s - begun_s), 1)


def trigger_of(registered: Object) -> Mapping[str, str]:
    """Give the annotation that tells when what led to an object changed, if it has one."""
    told = registered.metadata.annotations.get(TRIGGER_TIME_ANNOTATION)
    return NOTHING if told is None else {TRIGGER_TIME_ANNOTATION: told}


def _is_the_same(earlier: Object | None, slice_: EndpointSlice) -> bool:
    return earlier is not None and trigger_of(earlier) == trigger_of(slice_)


def _seconds_of(slice_: EndpointSlice) -> float | None:
    try:
        return datetime.fromisoformat(
            slice_.metadata.annotations[TRIGGER_TIME_ANNOTATION]
        ).timestamp()
    except (LookupError, ValueError):
        return None
