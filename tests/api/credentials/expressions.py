"""Expressions whose values a test gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.policy.expressions import Environment, EvaluationError, Verdict


@dataclass(slots=True)
class Computed:
    """Gives fixed values of expressions, and remembers the variables."""

    values: Mapping[str, object]
    seen: list[tuple[str, Mapping[str, object]]] = field(
        default_factory=list[tuple[str, Mapping[str, object]]]
    )

    async def check(
        self, environment: Environment, expressions: Sequence[str]
    ) -> Sequence[Verdict]:
        del environment
        return [Verdict(type="BOOL") for _ in expressions]

    async def evaluate(
        self,
        environment: Environment,
        expressions: Sequence[str],
        variables: Mapping[str, object],
    ) -> Sequence[object]:
        self.seen.append((environment.value, variables))
        if missing := [each for each in expressions if each not in self.values]:
            raise EvaluationError(missing[0])
        return [self.values[each] for each in expressions]
