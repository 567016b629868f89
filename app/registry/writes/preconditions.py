"""Preconditions of writes.

    Preconditions, current object -> nothing, or Conflict or PreconditionFailed

Source: spec kubernetes-api 5.2 and 5.8; RFC 9110 section 13.1; contract.md, "Routes".
"""

from dataclasses import dataclass

from app.domain.errors import Conflict, PreconditionFailed
from app.domain.names import NamespacedName
from app.domain.objects.resource import AnyResource, Object


@dataclass(frozen=True, slots=True, kw_only=True)
class Preconditions:
    """Conditions on the current object; None and () mean no condition.

    Tags are revisions as text, or ``*`` for any existing object (RFC 9110 sections 13.1.1 and
    13.1.2): one of ``etags`` must be the current one, and none of ``forbidden_etags`` may be.
    """

    uid: str | None = None
    resource_version: str | None = None
    etags: tuple[str, ...] = ()
    forbidden_etags: tuple[str, ...] = ()

    def check(self, kind: AnyResource, key: NamespacedName, current: Object | None) -> None:
        """Raise Conflict or PreconditionFailed when a condition does not hold."""
        revision = None if current is None else str(current.metadata.revision)
        if revision is not None and {revision, "*"} & set(self.forbidden_etags):
            raise PreconditionFailed(f"{kind.plural} {key} exists, at {revision}").about(
                kind.plural, key.name
            )
        if self.etags and (revision is None or not {revision, "*"} & set(self.etags)):
            raise PreconditionFailed(
                f"{kind.plural} {key} is at {revision or 'no revision'}"
            ).about(kind.plural, key.name)
        if current is None:
            return
        if self.uid and self.uid != current.metadata.uid:
            raise conflict(kind, key, f"its uid is {current.metadata.uid}, not {self.uid}")
        if self.resource_version and self.resource_version != revision:
            raise conflict(
                kind,
                key,
                "the object has been modified; please apply your changes to the latest version",
            )


NO_PRECONDITIONS = Preconditions()


def conflict(kind: AnyResource, key: NamespacedName, why: str) -> Conflict:
    """Make the refusal of a write to an object that has changed since the caller read it."""
    refusal = Conflict(f'Operation cannot be fulfilled on {kind.plural} "{key.name}": {why}')
    refusal.about(kind.plural, key.name)
    return refusal
