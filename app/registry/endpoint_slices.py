"""EndpointSlices written by hand: what one must be.

Those made from a selector come from ``reconcile``.
"""

from app.domain.objects.endpoint_slice import EndpointSlice
from app.domain.registration import slice_validation as rules
from app.registry.refusals import require_valid
from app.registry.work import Work


def admitted(work: Work, current: EndpointSlice | None, draft: EndpointSlice) -> EndpointSlice:
    """Accept a slice as it is; raises Invalid."""
    violations = rules.validate(draft) if current is None else rules.validate_update(current, draft)
    require_valid(draft, violations)
    work.warnings.extend(rules.slice_warnings(draft))
    return draft
