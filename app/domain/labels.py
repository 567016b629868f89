"""Labels and selectors: requirements on labels, and their evaluation.

    Selector, labels -> matches or not          text -> problems

An empty selector matches everything, but a Service's absent or empty selector
matches nothing (``selects``).  Source: spec kubernetes-api 4.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from app.domain.errors import Violation
from app.domain.names import LABEL_LENGTH_MAX, subdomain_problems
from app.domain.violations import each_invalid, forbidden, invalid, required

_QUALIFIED_PART = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]\Z")
_QUALIFIED_RULE = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end "
    "with an alphanumeric character"
)
_VALUE_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
    "'.', and must start and end with an alphanumeric character"
)


class Operator(StrEnum):
    """The operators; those below DOES_NOT_EXIST are for the text of queries only."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"
    EQUALS = "="
    DOUBLE_EQUALS = "=="
    NOT_EQUALS = "!="
    GREATER_THAN = "Gt"
    LESS_THAN = "Lt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One condition on one label; ``operator`` is an Operator once validated."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels meet this requirement (spec kubernetes-api 4.2)."""
        value = labels.get(self.key)
        match self.operator:
            case Operator.IN | Operator.EQUALS | Operator.DOUBLE_EQUALS:
                return value is not None and value in self.values
            case Operator.NOT_IN | Operator.NOT_EQUALS:
                return value is None or value not in self.values
            case Operator.EXISTS:
                return value is not None
            case Operator.DOES_NOT_EXIST:
                return value is None
            case _:
                return self._compares(value)

    @property
    def wanted_value(self) -> str | None:
        """The single value that the label must have; None when several values match."""
        is_positive = self.operator in (Operator.IN, Operator.EQUALS, Operator.DOUBLE_EQUALS)
        return self.values[0] if is_positive and len(self.values) == 1 else None

    def __str__(self) -> str:
        match self.operator:
            case Operator.EXISTS:
                return self.key
            case Operator.DOES_NOT_EXIST:
                return f"!{self.key}"
            case Operator.IN | Operator.NOT_IN:
                return f"{self.key} {self.operator.lower()} ({','.join(self.values)})"
            case _:
                sign = {Operator.GREATER_THAN: ">", Operator.LESS_THAN: "<"}.get(
                    Operator(self.operator), self.operator
                )
                return f"{self.key}{sign}{self.values[0]}"

    def _compares(self, value: str | None) -> bool:
        if value is None or not _INTEGER.match(value):
            return False
        bound = int(self.values[0])
        return int(value) > bound if self.operator == Operator.GREATER_THAN else int(value) < bound


@dataclass(frozen=True, slots=True)
class Selector:
    """Requirements that must all hold; an empty selector matches everything."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels meet every requirement."""
        return all(requirement.matches(labels) for requirement in self.requirements)

    def __str__(self) -> str:
        return ",".join(str(requirement) for requirement in self.requirements)


EVERYTHING = Selector()


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSelector:
    """The selector that objects write: equal values and expressions, which must all hold.

    Unlike a Service's selector, an empty one matches everything.
    """

    match_labels: Mapping[str, str] = field(default_factory=dict[str, str])
    match_expressions: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels meet every condition."""
        return all(labels.get(key) == value for key, value in self.match_labels.items()) and all(
            expression.matches(labels) for expression in self.match_expressions
        )


_INTEGER = re.compile(r"[+-]?[0-9]{1,19}\Z")


def selects(
    selector: Mapping[str, str] | None,
    expressions: tuple[Requirement, ...],
    labels: Mapping[str, str],
) -> bool:
    """Whether a Service's selector matches labels; an absent or empty one matches nothing."""
    if not selector and not expressions:
        return False
    return all(labels.get(key) == value for key, value in (selector or {}).items()) and all(
        requirement.matches(labels) for requirement in expressions
    )


def expression_violations(field: str, expressions: Iterable[Requirement]) -> Iterable[Violation]:
    """Refuse invalid expressions of a selector; Gt and Lt are for the text of queries only."""
    for index, expression in enumerate(expressions):
        yield from _expression_violations(f"{field}[{index}]", expression)


def _expression_violations(field: str, expression: Requirement) -> Iterable[Violation]:
    operator, values = expression.operator, expression.values
    if operator in (Operator.IN, Operator.NOT_IN):
        if not values:
            yield required(
                f"{field}.values", "must be specified when `operator` is 'In' or 'NotIn'"
            )
    elif operator in (Operator.EXISTS, Operator.DOES_NOT_EXIST):
        if values:
            detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            yield forbidden(f"{field}.values", detail)
    else:
        yield invalid(f"{field}.operator", operator, "not a valid selector operator")
    yield from each_invalid(f"{field}.key", expression.key, key_problems(expression.key))
    for index, value in enumerate(values):
        yield from each_invalid(f"{field}.values[{index}]", value, value_problems(value))


def key_problems(key: str) -> tuple[str, ...]:
    """List why ``key`` is not a label key: ``[prefix/]name``."""
    prefix, slash, name = key.rpartition("/")
    if "/" in prefix:
        return (f"a qualified name has at most one '/': {_QUALIFIED_RULE}",)
    problems: list[str] = []
    if slash:
        if not prefix:
            problems.append("prefix part must be non-empty")
        problems.extend(f"prefix part {problem}" for problem in subdomain_problems(prefix or "x"))
    if not name:
        problems.append("name part must be non-empty")
    if len(name) > LABEL_LENGTH_MAX:
        problems.append(f"name part must be no more than {LABEL_LENGTH_MAX} characters")
    if not _QUALIFIED_PART.match(name):
        problems.append(_QUALIFIED_RULE)
    return tuple(problems)


def value_problems(value: str) -> tuple[str, ...]:
    """List why ``value`` is not a label value; the empty string is one."""
    problems: list[str] = []
    if len(value) > LABEL_LENGTH_MAX:
        problems.append(f"must be no more than {LABEL_LENGTH_MAX} characters")
    if value and not _QUALIFIED_PART.match(value):
        problems.append(_VALUE_RULE)
    return tuple(problems)
