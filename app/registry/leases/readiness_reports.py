"""Readiness reported by a prober: it follows the Pods, and its reports are written.

    view -> see, forget          reports -> one write

Source: contract.md, "Objects".
"""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager

from app.domain.names import NamespacedName
from app.domain.objects.pod import Pod
from app.domain.registration.health.readiness import Report, reported
from app.domain.work import Work
from app.registry.reads.view import Advance, View


def apply_reports(work: Work, reports: Mapping[NamespacedName, Report]) -> None:
    """Set readiness as reported; reports on deleted Pods are ignored."""
    for key, report in sorted(reports.items(), key=lambda entry: entry[0]):
        pod = work.snapshot.pods.get(key)
        if pod is not None:
            work.put(reported(pod, report, now=work.now))


@contextmanager
def following_pods(
    view: View, see: Callable[[Pod], None], forget: Callable[[NamespacedName], None]
) -> Generator[None, None, None]:
    """Call ``see`` for every Pod and on every change, for the length of the block."""

    def look(advance: Advance) -> None:
        for change in advance.changes:
            if isinstance(change.after, Pod):
                see(change.after)
            elif isinstance(change.before, Pod):
                forget(change.key)

    unsubscribe = view.subscribe(look)
    try:
        for pod in view.snapshot.pods.values():
            see(pod)
        yield
    finally:
        unsubscribe()
