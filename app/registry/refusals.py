"""Turn violations into the one refusal that names them all."""

from collections.abc import Iterable

from app.domain.errors import Invalid, Violation
from app.domain.objects.kinds import Object, kind_of


def require_valid(registered: Object, violations: Iterable[Violation]) -> None:
    """Raise Invalid with every violation, if there is one."""
    causes = tuple(violations)
    if causes:
        meta = registered.metadata
        raise Invalid(kind_of(registered).name, meta.name or meta.generate_name, causes)
