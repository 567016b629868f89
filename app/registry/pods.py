"""Pods: what a registration must be, and what an omitted field means."""

from app.domain.objects.pod import Pod
from app.domain.registration import pods as rules
from app.domain.registration.defaults import with_pod_defaults
from app.domain.registration.leases import without_leftovers
from app.registry.refusals import require_valid


def admitted(current: Pod | None, draft: Pod) -> Pod:
    """Fill in the defaults of contract.md, "Objects"; raises Invalid."""
    pod = with_pod_defaults(without_leftovers(draft))
    violations = rules.validate(pod) if current is None else rules.validate_update(current, pod)
    require_valid(pod, violations)
    return pod
