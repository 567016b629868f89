"""The parser of JSONPath templates in kubectl's dialect.

    text -> Template,  or JSONPathError

It accepts and refuses what kubectl does; no library speaks this dialect, in which a template has
texts and loops around its paths.

Source: k8s.io/client-go `util/jsonpath/parser.go`; kubectl `pkg/cmd/get/customcolumn.go`,
`RelaxedJSONPathExpression`.
"""

import json
import re
from typing import Final

from app.cli.jsonpath.nodes import (
    Descent,
    Field,
    Filter,
    JSONPathError,
    Keyword,
    Literal,
    Slice,
    Step,
    Steps,
    Template,
    Text,
    Union,
    Wildcard,
)

TEMPLATE_LENGTH_MAX: Final = 64 * 1024  # characters; templates may come from files

_SPACES = re.compile(r"[ @$]+")
_QUOTED = re.compile(r'"(?:[^"\\\n]|\\.)*"|' + r"'(?:[^'\\\n]|\\.)*'")
_FIELD = re.compile(r"(?:\\.|[^\s.,\[\]$@{}\\])*")
_NUMBER = re.compile(r"[+-]?[\d.]*")
_WORD = re.compile(r"[^\s.,\[\]$@{}]+")
_DICT_KEY = re.compile(r"'([^']*)'")
_SLICE = re.compile(r"(-?\d*)(:-?\d*)?(:-?\d*)?")
_COMPARISON = re.compile(r"([^!<>=]+)([!<>=]+)(.+)", re.DOTALL)
_RELAXED = re.compile(r"\{\.?([^{}]+)\}|\.?([^{}]+)")
_ESCAPES: Final = {
    "n": "\n",
    "t": "\t",
    "r": "\r",
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "v": "\v",
    "\\": "\\",
    '"': '"',
    "'": "'",
}
_OPERATORS: Final = frozenset({"==", "!=", "<", "<=", ">", ">="})


def parse_template(text: str) -> Template:
    """Parse a template; raises JSONPathError."""
    if len(text) > TEMPLATE_LENGTH_MAX:
        raise JSONPathError(f"it is longer than {TEMPLATE_LENGTH_MAX} characters")
    parts: list[Text | Steps] = []
    position = 0
    while (begin := text.find("{", position)) >= 0:
        if begin > position:
            parts.append(Text(text[position:begin]))
        action = _Action(text, begin + 1)
        parts.append(action.steps(closing="}"))
        position = action.position
    if position < len(text):
        parts.append(Text(text[position:]))
    return tuple(parts)


def parse_path(text: str) -> Template:
    """Parse one path, with or without braces and the dot at its beginning."""
    found = _RELAXED.fullmatch(text)
    if found is None:
        raise JSONPathError(
            f"unexpected path string, expected a 'name1.name2' or '.name1.name2' or "
            f"'{{name1.name2}}' or '{{.name1.name2}}', not {text!r}"
        )
    return parse_template(f"{{.{found[1] or found[2]}}}")


class _Action:
    """What stands between braces, from ``position`` on."""

    def __init__(self, text: str, position: int) -> None:
        self._text, self.position = text, position

    def steps(self, *, closing: str) -> Steps:
        """Parse up to the closing brace, or to the end for an empty ``closing``."""
        steps: list[Step] = []
        while not self._is_closed(closing):
            if self._match(_SPACES):
                continue
            step = self._step(steps)
            steps.extend(step if isinstance(step, tuple) else (step,))
        return tuple(steps)

    def _is_closed(self, closing: str) -> bool:
        rest = self._text[self.position : self.position + 1]
        if rest == closing:
            self.position += len(closing)
            return True
        if not rest or rest in "\r\n":
            raise JSONPathError("unclosed action")
        return False

    def _step(self, before: list[Step]) -> Step | Steps:  # noqa: PLR0911  one for each sign
        sign, following = self._text[self.position], self._text[self.position : self.position + 3]
        if following == "[?(":
            return self._filter()
        if following.startswith(".."):
            return self._descent(before)
        if sign == "[":
            return self._array()
        if sign in "\"'":
            return Text(self._quoted())
        if sign == ".":
            self.position += 1
            return self._field()
        if sign.isdigit() or sign in "+-":
            return self._number()
        if sign.isalnum() or sign == "_":
            return self._word()
        raise JSONPathError(f"unrecognized character in action: {sign!r}")

    def _match(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self.position)
        if found is None:
            return ""
        self.position = found.end()
        return found[0]

    def _field(self) -> Step:
        name = self._match(_FIELD)
        return Wildcard() if name == "*" else Field(re.sub(r"\\(.)", r"\1", name))

    def _descent(self, before: list[Step]) -> Steps:
        if before and isinstance(before[-1], Descent):
            raise JSONPathError("invalid multiple recursive descent")
        self.position += 2
        following = self._text[self.position : self.position + 1]
        if following.isalnum() or following == "_":
            return (Descent(), self._field())
        return (Descent(),)

    def _word(self) -> Step:
        word = self._match(_WORD)
        if word in ("true", "false"):
            return Literal(word == "true")
        if word not in ("range", "end"):
            raise JSONPathError(f"unrecognized identifier {word}")
        return Keyword(word)

    def _number(self) -> Step:
        text = self._match(_NUMBER)
        for read in (int, float):
            try:
                return Literal(read(text))
            except ValueError:
                continue
        raise JSONPathError(f"cannot parse number {text}")

    def _quoted(self) -> str:
        quoted = self._match(_QUOTED)
        if not quoted:
            raise JSONPathError("unterminated quoted string")
        return _unquoted(quoted)

    def _array(self) -> Step | Steps:
        end = self._text.find("]", self.position)
        inside = self._text[self.position + 1 : end]
        if end < 0 or "\n" in inside:
            raise JSONPathError("unterminated array")
        self.position = end + 1
        parts = inside.split(",")
        if len(parts) > 1:
            return Union(tuple(_as_steps(_selection(part.strip(" "))) for part in parts))
        return _selection(inside)

    def _filter(self) -> Step:
        end = self._end_of_filter()
        inside = self._text[self.position + 3 : end]
        self.position = end + 2
        found = _COMPARISON.fullmatch(inside)
        if found is None:
            return Filter(_inner(inside), "exists", ())
        if found[2] not in _OPERATORS:
            raise JSONPathError(f"unrecognized filter operator {found[2]}")
        return Filter(_inner(found[1]), found[2], _inner(found[3]))

    def _end_of_filter(self) -> int:
        """Find the parenthesis after what may be quoted; a bracket follows it."""
        position = self.position + 3
        while position < len(self._text) and self._text[position] not in ")\n":
            quoted = _QUOTED.match(self._text, position)
            position = quoted.end() if quoted else position + 1
        if self._text[position : position + 1] != ")":
            raise JSONPathError("unterminated filter")
        if self._text[position + 1 : position + 2] != "]":
            raise JSONPathError("unclosed array expect ]")
        return position


def _inner(text: str) -> Steps:
    """Parse one side of a comparison; a filter ends at the first parenthesis, and so has none."""
    return _Action(text + "}", 0).steps(closing="}")


def _as_steps(selected: Step | Steps) -> Steps:
    return selected if isinstance(selected, tuple) else (selected,)


def _selection(inside: str) -> Step | Steps:
    """Parse what brackets hold: a key in single quotes, ``*``, an index or a slice."""
    if inside == "*":
        return Slice()
    if key := _DICT_KEY.fullmatch(inside):
        return _Action(f".{key[1]}" + "}", 0).steps(closing="}")
    found = _SLICE.fullmatch(inside)
    if found is None:
        raise JSONPathError(f"invalid array index {inside}")
    start, stop, step = (part.removeprefix(":") if part else "" for part in found.groups())
    try:
        bounds = tuple(int(part) if part else None for part in (start, stop, step))
    except ValueError:
        raise JSONPathError(f"invalid array index {inside}") from None
    return Slice(bounds[0], bounds[1], bounds[2], is_single=found[2] is None)


def _unquoted(quoted: str) -> str:
    """Resolve the escapes of Go in a text within quotes."""
    inside = quoted[1:-1]

    def resolve(found: re.Match[str]) -> str:
        code = found[1]
        if code in _ESCAPES:
            return _ESCAPES[code]
        if code.startswith(("u", "x")) and len(code) > 1:
            return json.loads(f'"\\u{code[1:]:0>4}"')
        raise JSONPathError(f"unquote string {quoted} error invalid syntax")

    return re.sub(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)", resolve, inside)
