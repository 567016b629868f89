"""Pods: what a registration must be, and what an omitted field means."""

from dataclasses import replace

from app.domain.objects.pod import Pod
from app.domain.registration import pods as rules
from app.domain.registration.conditions import with_transitions
from app.domain.registration.defaults import with_pod_defaults
from app.domain.registration.leases import without_leftovers
from app.domain.registration.status_warnings import pod_warnings
from app.registry.refusals import require_valid
from app.registry.work import Work


def admitted(work: Work, current: Pod | None, draft: Pod) -> Pod:
    """Fill in the defaults of contract.md, "Objects"; raises Invalid."""
    pod = with_pod_defaults(without_leftovers(draft))
    held = () if current is None else current.conditions
    pod = replace(pod, conditions=with_transitions(held, pod.conditions, work.now))
    violations = rules.validate(pod) if current is None else rules.validate_update(current, pod)
    require_valid(pod, violations)
    work.warnings.extend(pod_warnings(current, pod))
    return pod
