"""Every rule a Namespace must obey; all violations at once.

    draft -> violations          current, desired -> violations

Source: spec kubernetes-api 1.4 and 5.10.
"""

from collections.abc import Iterable

from app.domain.errors import Violation
from app.domain.labels import key_problems
from app.domain.names import label_problems
from app.domain.objects.namespace import Namespace
from app.domain.registration.metadata_validation import (
    metadata_update_violations,
    metadata_violations,
)
from app.domain.violations import each_invalid


def validate(draft: Namespace) -> tuple[Violation, ...]:
    """List every rule that a new Namespace breaks."""
    return (
        *metadata_violations(draft.metadata, label_problems, is_namespaced=False),
        *_namespace_violations(draft),
    )


def validate_update(current: Namespace, desired: Namespace) -> tuple[Violation, ...]:
    """List every rule that a change of a Namespace breaks."""
    return (
        *metadata_update_violations(current.metadata, desired.metadata),
        *_namespace_violations(desired),
    )


def _namespace_violations(namespace: Namespace) -> Iterable[Violation]:
    for finalizer in namespace.finalizers:
        yield from each_invalid("spec.finalizers", finalizer, key_problems(finalizer))
