"""Values as kubectl prints them, which is as Go does.

    groups of values -> text;  a value -> text

Source: k8s.io/client-go `util/jsonpath/jsonpath.go`, `PrintResults`; Go `fmt`, verb %v.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, cast

_EXPONENT_FROM: Final = 1e21  # of %v; Python has it from 1e16 on
_OF_JSON: Final = {ord(each): f"\\u{ord(each):04x}" for each in "<>&\u2028\u2029"}


def text_of(groups: Iterable[Sequence[object]]) -> str:
    """Write what a template has found; containers are JSON."""
    return "".join(" ".join(map(_printed, group)) for group in groups)


def json_of(groups: Iterable[Sequence[object]]) -> str:
    """Write each group as a list in JSON, for ``-o jsonpath-as-json``."""
    return "".join(f"{_escaped(json.dumps(group, indent=4, sort_keys=True))}\n" for group in groups)


def go_text(value: object) -> str:
    """Write a value as Go's ``fmt.Sprint`` does: ``map[a:b]``, ``[a b]``, ``<nil>``."""
    match value:
        case None:
            return "<nil>"
        case bool():
            return "true" if value else "false"
        case float():
            return _float(value)
        case Mapping():
            members = sorted(cast("Mapping[str, object]", value).items())
            return f"map[{' '.join(f'{key}:{go_text(each)}' for key, each in members)}]"
        case list():
            return f"[{' '.join(map(go_text, cast('list[object]', value)))}]"
        case _:
            return str(value)


def _printed(value: object) -> str:
    if isinstance(value, Mapping | list):
        return _escaped(
            json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
        )
    return go_text(value)


def _escaped(text: str) -> str:
    return text.translate(_OF_JSON)


def _float(value: float) -> str:
    if abs(value) < _EXPONENT_FROM and value == int(value):
        return str(int(value))
    return repr(value)
