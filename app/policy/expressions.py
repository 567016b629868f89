"""What expressions are to those who use them: checked when written, evaluated when needed.

    environment, texts            -> a Verdict each
    environment, texts, variables -> a value each, or EvaluationError

An environment says which variables an expression may use.  Whoever evaluates is reached through
`Expressions`; nothing here knows the language or the process that it runs in.

Source: spec access 3.2 to 3.4.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

EXPRESSION_CHARACTERS_MAX: Final = 16_384
BOOL: Final = "BOOL"


class Environment(StrEnum):
    """Which variables there are."""

    CLAIMS = "claims"  # `claims`: the claims of a token by name
    USER = "user"  # `user`: username, uid, groups, extra


class EvaluationError(Exception):
    """An expression has no value; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is known of an expression before it is evaluated.

    `type` is that of its value, `DYN` where only evaluation tells; `selected` has each variable
    with the names that are selected of it, `claims.email` as `("claims", "email")`.
    """

    problem: str = ""
    type: str = ""
    selected: frozenset[tuple[str, str]] = frozenset()


class Expressions(Protocol):
    """Checks and evaluates expressions."""

    async def check(
        self, environment: Environment, expressions: Sequence[str]
    ) -> Sequence[Verdict]:
        """Check expressions, in order; raises EvaluationError if nothing can be checked now."""
        ...

    async def evaluate(
        self,
        environment: Environment,
        expressions: Sequence[str],
        variables: Mapping[str, object],
    ) -> Sequence[object]:
        """Give the values, in order; raises EvaluationError if one of them has none."""
        ...
