"""What probes report becomes the readiness of Pods: many reports, one write.

Source: contract.md, "Objects".
"""

from collections.abc import Mapping

from app.domain.names import NamespacedName
from app.domain.registration.readiness import Report, reported
from app.registry.work import Work


def take_over(work: Work, reports: Mapping[NamespacedName, Report]) -> None:
    """Set readiness as reported; reports on Pods that are gone are void."""
    for key, report in sorted(reports.items(), key=lambda entry: entry[0]):
        pod = work.snapshot.pods.get(key)
        if pod is not None:
            work.put(reported(pod, report, now=work.now))
