"""EndpointSlices that clients write; those made from a selector come from ``planning``.

Source: spec kubernetes-api 3.5.
"""

from app.domain.registration.slices import affected
from app.domain.registration.slices.validation import slice_warnings, validate, validate_update
from app.domain.registration.strategy import Strategy

STRATEGY = Strategy(
    validate=validate,
    validate_update=validate_update,
    warn=lambda _, desired: slice_warnings(desired),
    is_prunable=lambda slice_: not slice_.is_managed,  # a managed one goes with its Service
    affects=affected.by_slice,
)
