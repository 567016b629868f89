"""The one module that knows the CEL library.

    Environment, text -> Verdict          Environment, texts, variables -> outcomes

Standard CEL with optional types, and the libraries for strings, sets and lists.  An environment
is a row of a table: policies will add theirs.  It runs in the process of `app.policy.worker` and
nowhere else, for the library holds Python's lock while it evaluates, and bounds no memory.

Source: spec access 3.3 and 3.5; apiserver `pkg/authentication/cel/compile.go`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, cast

from cel_expr_python import cel  # pyright: ignore[reportMissingTypeStubs]  it has .pyi files

from app.policy.expressions import EXPRESSION_CHARACTERS_MAX, Environment, Verdict
from app.policy.selections import selections_of

COMPILED_MAX: Final = 4_096  # expressions that are kept compiled
_ERROR: Final = "ERROR"
_NUL: Final = "\0"  # the library ends a text there, so that two texts would be one
_LIBRARIES: Final = """
extensions:
  - name: optional
  - name: strings
  - name: sets
  - name: lists
"""

Outcome = Mapping[str, object]
"""`{"value": …}` or `{"error": why}`."""


@dataclass(frozen=True, slots=True)
class _Variable:
    """The type of a variable, and the names of its fields if there are no others."""

    type: cel.Type
    fields: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class _Declared:
    variables: Mapping[str, _Variable]
    env: cel.Env = field(repr=False)


def _declared(variables: Mapping[str, _Variable]) -> _Declared:
    types = {name: variable.type for name, variable in variables.items()}
    return _Declared(
        variables,
        cel.NewEnv(config=cel.NewEnvConfigFromYaml(_LIBRARIES), variables=types),
    )


_BY_NAME: Final = cel.Type.Map(cel.Type.STRING, cel.Type.DYN)
_ENVIRONMENTS: Final[Mapping[Environment, _Declared]] = {
    Environment.CLAIMS: _declared({"claims": _Variable(_BY_NAME)}),
    Environment.USER: _declared(
        {"user": _Variable(_BY_NAME, frozenset({"username", "uid", "groups", "extra"}))}
    ),
}


def check(environment: Environment, text: str) -> Verdict:
    """Parse and type-check one expression."""
    if _NUL in text:
        return Verdict(problem="must not contain the character NUL")
    if not text or len(text) > EXPRESSION_CHARACTERS_MAX:
        return Verdict(problem=f"must have 1 to {EXPRESSION_CHARACTERS_MAX} characters")
    try:
        compiled = _compiled(environment, text)
    except (RuntimeError, ValueError, UnicodeError) as error:
        return Verdict(problem=f"compilation failed: {_first_line(error)}")
    selected = selections_of(compiled.serialize())
    for variable, name in sorted(selected):
        declared = _ENVIRONMENTS[environment].variables.get(variable)
        if declared is not None and declared.fields is not None and name not in declared.fields:
            return Verdict(problem=f"compilation failed: undefined field '{name}'")
    return Verdict(type=compiled.return_type().name(), selected=selected)


def evaluate(
    environment: Environment, texts: Sequence[str], variables: Mapping[str, object]
) -> Sequence[Outcome]:
    """Evaluate expressions over the same variables."""
    if _has_nul([*texts]) or _has_nul(variables):
        return [{"error": "a text has the character NUL"} for _ in texts]
    return [_evaluated(environment, text, variables) for text in texts]


def _evaluated(environment: Environment, text: str, variables: Mapping[str, object]) -> Outcome:
    try:
        value = _compiled(environment, text).eval(data=variables)
        if value.type().name() == _ERROR:
            return {"error": str(value.plain_value())}
        return {"value": _plain(value.plain_value())}
    except (RuntimeError, ValueError, TypeError, UnicodeError, MemoryError) as error:
        return {"error": _first_line(error)}


@lru_cache(maxsize=COMPILED_MAX)
def _compiled(environment: Environment, text: str) -> cel.Expression:
    return _ENVIRONMENTS[environment].env.compile(text)


def _plain(value: object) -> object:
    """Give a value as JSON has it; raises TypeError for times, octets, types and the like."""
    kind = type(value).__name__
    match value:
        case None | bool() | int() | str():
            return value
        case float() if math.isfinite(value):
            return value
        case list():
            return [_plain(each) for each in cast("list[object]", value)]
        case dict():
            entries = cast("dict[object, object]", value)
            if all(isinstance(key, str) for key in entries):
                return {key: _plain(each) for key, each in entries.items()}
        case _:
            pass
    raise TypeError(f"a value of type {kind} is none of JSON")


def _has_nul(value: object) -> bool:
    match value:
        case str():
            return _NUL in value
        case list():
            return any(map(_has_nul, cast("list[object]", value)))
        case dict():
            entries = cast("dict[object, object]", value)
            return any(_has_nul(each) for entry in entries.items() for each in entry)
        case _:
            return False


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
