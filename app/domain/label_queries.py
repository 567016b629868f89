r"""Parser of the ``labelSelector`` of a query.

    "app in (web,db),!canary" -> tokens -> Selector

    selector    := [ requirement { "," requirement } ]
    requirement := "!" key | key | key op value | key ("in" | "notin") "(" set ")"
    op          := "=" | "==" | "!=" | ">" | "<"

``in`` and ``notin`` are operators after a key only; anywhere else they are keys or
values.  Source: spec kubernetes-api 4.2.
"""

import re
from collections.abc import Iterable
from typing import Final

from app.domain.errors import BadRequest
from app.domain.labels import Operator, Requirement, Selector, key_problems, value_problems

INTEGER_MAX = 2**63 - 1  # of the bound in a comparison

_TOKEN = re.compile(r"[ \t\r\n]*(==|!=|[=!(),<>]|[^ \t\r\n=!(),<>]+|\Z)")
_SIGNS: Final = frozenset({"==", "!=", "=", "!", "(", ")", ",", "<", ">"})
_END: Final = ""
_COMPARISONS = {
    "=": Operator.EQUALS,
    "==": Operator.DOUBLE_EQUALS,
    "!=": Operator.NOT_EQUALS,
    ">": Operator.GREATER_THAN,
    "<": Operator.LESS_THAN,
}
_SETS = {"in": Operator.IN, "notin": Operator.NOT_IN}
_ORDERED = frozenset({Operator.GREATER_THAN, Operator.LESS_THAN})


def parse_selector(text: str) -> Selector:
    """Parse a selector, with its requirements sorted by key; raises BadRequest."""
    parser = _Parser(text)
    requirements: list[Requirement] = []
    if parser.peek() != _END:
        requirements.append(parser.requirement())
        while parser.peek() != _END:
            parser.expect(",")
            requirements.append(parser.requirement())
    return Selector(tuple(sorted(requirements, key=lambda requirement: requirement.key)))


class _Parser:
    """A parser with one token of lookahead; the end of the text is an empty token."""

    def __init__(self, text: str) -> None:
        self._tokens = tuple(match[1] for match in _TOKEN.finditer(text))
        self._next = 0

    def peek(self) -> str:
        return self._tokens[self._next] if self._next < len(self._tokens) else _END

    def take(self) -> str:
        token = self.peek()
        self._next += 1
        return token

    def expect(self, token: str) -> None:
        if (found := self.take()) != token:
            raise _unexpected(found, f"'{token}'")

    def word(self) -> str:
        found = self.take()
        if found in _SIGNS or found == _END:
            raise _unexpected(found, "a key or value")
        return found

    def requirement(self) -> Requirement:
        if self.peek() == "!":
            self.take()
            return Requirement(key=_key(self.word()), operator=Operator.DOES_NOT_EXIST)
        key = _key(self.word())
        if self.peek() in (_END, ","):
            return Requirement(key=key, operator=Operator.EXISTS)
        sign = self.take()
        if sign in _SETS:
            values = sorted(set(self._set()))
            return Requirement(key=key, operator=_SETS[sign], values=_values(values))
        if sign not in _COMPARISONS:
            raise _unexpected(sign, "an operator")
        value = "" if self.peek() in (_END, ",") else self.word()
        operator = _COMPARISONS[sign]
        if operator in _ORDERED:
            _require_integer(value)
        return Requirement(key=key, operator=operator, values=_values([value]))

    def _set(self) -> Iterable[str]:
        """Parse ``(a,b)``; a missing value, also in an empty set, is the empty value."""
        self.expect("(")
        while True:
            yield "" if self.peek() in (",", ")") else self.word()
            if self.peek() != ",":
                break
            self.take()
        self.expect(")")


def _key(text: str) -> str:
    for problem in key_problems(text):
        raise BadRequest(f"unable to parse requirement: invalid label key {text!r}: {problem}")
    return text


def _values(texts: list[str]) -> tuple[str, ...]:
    for text in texts:
        for problem in value_problems(text):
            raise BadRequest(
                f"unable to parse requirement: invalid label value {text!r}: {problem}"
            )
    return tuple(texts)


def _require_integer(text: str) -> None:
    if not text.isdecimal() or not text.isascii() or int(text) > INTEGER_MAX:
        raise BadRequest(
            f"unable to parse requirement: {text!r}: '>' and '<' compare with an integer"
        )


def _unexpected(found: str, wanted: str) -> BadRequest:
    shown = f"'{found}'" if found else "the end"
    return BadRequest(f"unable to parse requirement: found {shown}, expected: {wanted}")
