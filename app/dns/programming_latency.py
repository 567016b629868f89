"""Time from a change of endpoints until DNS answers show it.

    slice with a new trigger time + the time of day -> seconds, by kind of Service

The trigger time is when the first of the Pods that caused a change of a slice changed; it is
written with the slice, to the second.  The initial load is not counted.
Source: spec dns A14.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from app.dns.counters import ServiceKind, programming_durations
from app.domain.changes import Change
from app.domain.objects.endpoint_slice import TRIGGER_TIME_ANNOTATION, EndpointSlice
from app.domain.objects.meta import NOTHING
from app.domain.objects.resource import Object
from app.domain.snapshot import Snapshot


class ProgrammingLatency:
    """The durations of one server since it started."""

    def __init__(self) -> None:
        self.durations = programming_durations()

    def observe(self, after: Snapshot, changes: Iterable[Change], now_s: float) -> None:
        """Record the latency of ``changes``; ``now_s`` is the time of day, ``after`` shows them."""
        for change in changes:
            slice_ = change.after
            if not isinstance(slice_, EndpointSlice) or slice_.service is None:
                continue
            begun_s = _seconds_of(slice_)
            service = after.services.get(slice_.service)
            if service is None or begun_s is None:
                continue
            if change.before is not None and trigger_of(change.before) == trigger_of(slice_):
                continue
            kind = ServiceKind.HEADLESS if service.is_headless else ServiceKind.CLUSTER_IP
            self.durations[kind].add(max(0.0, now_s - begun_s), 1)


def trigger_of(registered: Object) -> Mapping[str, str]:
    """Return an object's trigger time annotation, if it has one."""
    trigger = registered.metadata.annotations.get(TRIGGER_TIME_ANNOTATION)
    return NOTHING if trigger is None else {TRIGGER_TIME_ANNOTATION: trigger}


def kept_annotations(registered: Object, *, is_initial: bool) -> Mapping[str, str]:
    """Return the annotations of an object that count here: none in the initial load."""
    return NOTHING if is_initial else trigger_of(registered)


def _seconds_of(slice_: EndpointSlice) -> float | None:
    try:
        return datetime.fromisoformat(
            slice_.metadata.annotations[TRIGGER_TIME_ANNOTATION]
        ).timestamp()
    except (LookupError, ValueError):
        return None
