"""Pods: every rule that one must obey, all violations at once; status reports and deletion.

    current, desired -> violations
    draft, current, now -> the Pod to be stored

A Pod is a registration: the client that registers it may change all of it but its name.  Of
the status only addresses are validated, as Kubernetes validates those that are reported.
Source: contract.md, "Objects"; spec kubernetes-api 1.4 and 3.2, spec resolver 9.4.
"""

from collections.abc import Iterable

from app.domain.access.restrictions import require_pod_writable
from app.domain.addresses import family_of_text
from app.domain.copies import replace
from app.domain.errors import Violation
from app.domain.names import label_problems, subdomain_problems
from app.domain.objects.pod import GRACE_PERIOD_S_DEFAULT, GRACE_PERIOD_S_MAX, WEIGHT_MAX, Pod
from app.domain.registration.health.leases import without_leftovers
from app.domain.registration.pod_conditions import with_pod_defaults, with_transitions
from app.domain.registration.slices import affected
from app.domain.registration.status_warnings import pod_warnings
from app.domain.registration.strategy import Strategy
from app.domain.registration.validation.addresses import address_violations
from app.domain.registration.validation.containers import RESTART_POLICIES, container_violations
from app.domain.registration.validation.dns_config import dns_violations
from app.domain.violations import broken_unless_empty, duplicate, invalid, not_supported
from app.domain.work import Work

SECONDS_MAX = 2**31 - 1  # of any duration a client may set

_IPS_MAX = 2  # one per family


def _rules(current: Pod | None, pod: Pod) -> Iterable[Violation]:
    """List what is wrong; unchanged containers are not validated again."""
    containers = (pod.containers, pod.init_containers)
    if current is None or containers != (current.containers, current.init_containers):
        yield from container_violations(*containers)
    yield from _placement_violations(pod)
    yield from dns_violations(pod.dns_policy, pod.dns_config)
    yield from _amount_violations(pod)
    yield from _ip_violations(pod, () if current is None else current.pod_ips)


def _placement_violations(pod: Pod) -> Iterable[Violation]:
    yield from broken_unless_empty("spec.nodeName", pod.node_name, subdomain_problems)
    yield from broken_unless_empty("spec.hostname", pod.hostname, label_problems)
    yield from broken_unless_empty("spec.subdomain", pod.subdomain, label_problems)
    if pod.restart_policy and pod.restart_policy not in RESTART_POLICIES:
        yield not_supported("spec.restartPolicy", pod.restart_policy, RESTART_POLICIES)


def _amount_violations(pod: Pod) -> Iterable[Violation]:
    bounds = (
        ("weight", pod.weight, 0, WEIGHT_MAX),
        ("leaseDurationSeconds", pod.lease_duration_s, 1, SECONDS_MAX),
    )
    for field, amount, least, most in bounds:
        if amount is not None and not least <= amount <= most:
            detail = f"must be between {least} and {most}, inclusive"
            yield invalid(f"spec.{field}", amount, detail)


def _ip_violations(pod: Pod, accepted: tuple[str, ...]) -> Iterable[Violation]:
    found: list[Violation] = []
    for index, ip in enumerate(pod.pod_ips):
        field = f"status.podIPs[{index}].ip"
        found.extend(address_violations(field, ip, accepted=accepted))
        if ip in pod.pod_ips[:index]:
            found.append(duplicate(field, ip))
    families = [family_of_text(ip) for ip in pod.pod_ips]
    if not found and (len(families) > _IPS_MAX or len(set(families)) < len(families)):
        detail = "may specify no more than one IP for each IP family"
        found.append(invalid("status.podIPs", pod.pod_ips, detail))
    yield from found


def _complete(draft: Pod) -> Pod:
    return with_pod_defaults(without_leftovers(draft))


def _prepare(work: Work, current: Pod | None, draft: Pod) -> Pod:
    """Fill in the defaults of contract.md, "Objects", and the times of conditions."""
    pod = _complete(draft)
    before = () if current is None else current.conditions
    return replace(pod, conditions=with_transitions(before, pod.conditions, work.now))


def _complete_report(current: Pod, report: Pod) -> Pod:
    """Keep the current addresses when a report names none: a prober does not know them."""
    if report.pod_ips:
        return report
    return replace(report, pod_ips=current.pod_ips, host_ip=report.host_ip or current.host_ip)


def _sends_status(draft: Pod) -> bool:
    """Whether a registrar's PUT is a new registration, status and all (contract.md)."""
    return bool(draft.pod_ips or draft.phase or draft.conditions)


def _grace_s(current: Pod, asked_s: int | None) -> int:
    if current.is_finished:
        return 0  # a finished Pod has no connections to drain
    own_s = GRACE_PERIOD_S_DEFAULT if current.grace_period_s is None else current.grace_period_s
    wanted_s = own_s if asked_s is None else asked_s
    # As in Kubernetes, a negative period means the shortest one, a second.
    return 1 if wanted_s < 0 else min(wanted_s, GRACE_PERIOD_S_MAX)


STRATEGY = Strategy(
    rules=_rules,
    is_created_with_status=True,
    complete=_complete,
    prepare=_prepare,
    authorize_write=require_pod_writable,
    warn=pod_warnings,
    complete_report=_complete_report,
    sends_status=_sends_status,
    is_created_by_put=True,
    is_returned_when_deleted=True,
    holds_lease=True,
    grace_s=_grace_s,
    goes_when_freed=False,  # its grace period may still be running
    affects=affected.by_pod,
)
