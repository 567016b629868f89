"""Pods: what a registration must be, and what an omitted field means."""

from dataclasses import replace
from datetime import datetime

from app.domain.objects.pod import Pod
from app.domain.registration import pods as rules
from app.domain.registration.conditions import with_transitions
from app.domain.registration.defaults import with_pod_defaults
from app.domain.registration.leases import without_leftovers
from app.registry.refusals import require_valid


def admitted(current: Pod | None, draft: Pod, now: datetime) -> Pod:
    """Fill in the defaults of contract.md, "Objects"; raises Invalid."""
    pod = with_pod_defaults(without_leftovers(draft))
    held = () if current is None else current.conditions
    pod = replace(pod, conditions=with_transitions(held, pod.conditions, now))
    violations = rules.validate(pod) if current is None else rules.validate_update(current, pod)
    require_valid(pod, violations)
    return pod
