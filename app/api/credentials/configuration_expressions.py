"""What may be wrong with the expressions of an AuthenticationConfiguration.

    expressions, their verdicts -> violations

Expressions are checked by a process of their own, so what depends on them is found last.

Source: apiserver `pkg/apis/apiserver/validation/validation.go`; spec access 1.4.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from app.domain.errors import CauseReason, Violation
from app.policy.expressions import BOOL, Environment, Verdict

_EMAIL, _EMAIL_VERIFIED = ("claims", "email"), ("claims", "email_verified")


class Role(Enum):
    """What an expression is for."""

    USERNAME = auto()
    GROUPS = auto()
    UID = auto()
    EXTRA = auto()
    CLAIM_RULE = auto()
    USER_RULE = auto()


_RULES: Final = frozenset({Role.CLAIM_RULE, Role.USER_RULE})
_MAY_VERIFY: Final = frozenset({Role.USERNAME, Role.EXTRA, Role.CLAIM_RULE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """An expression where it was written."""

    field: str
    text: str
    role: Role

    @property
    def environment(self) -> Environment:
        """The variables that it may use."""
        return Environment.USER if self.role is Role.USER_RULE else Environment.CLAIMS


def violations_of(written: Sequence[Written], verdicts: Sequence[Verdict]) -> Iterator[Violation]:
    """Find what is wrong with expressions, of which each has its verdict."""
    verified: set[str] = set()
    by_email: list[Written] = []
    for each, verdict in zip(written, verdicts, strict=True):
        if problem := _problem(each, verdict):
            yield Violation(CauseReason.INVALID, each.field, problem)
            continue
        if each.role in _MAY_VERIFY and _EMAIL_VERIFIED in verdict.selected:
            verified.add(_issuer_in(each.field))
        if each.role is Role.USERNAME and _EMAIL in verdict.selected:
            by_email.append(each)
    for each in by_email:
        if _issuer_in(each.field) not in verified:
            yield Violation(
                CauseReason.INVALID,
                each.field,
                "claims.email_verified must be used in it, in an extra or in a claim validation "
                "rule when claims.email is used",
            )


def _problem(written: Written, verdict: Verdict) -> str:
    if not verdict.problem and written.role in _RULES and verdict.type != BOOL:
        return f"must evaluate to bool but got {verdict.type.lower()}"
    return verdict.problem


def _issuer_in(field: str) -> str:
    return field.partition(".")[0]
