"""Parser of YAML text, without PyYAML's resolver, constructors or recursion.

    text -> events (libyaml) -> values and the paths of duplicate keys

Plain scalars are read as by Kubernetes' decoder: YAML 1.1 booleans, integers and
floats; no timestamps, no sexagesimal numbers, no tags beyond the core ones.  Nesting,
nodes and the expansion of aliases are bounded, so that the cost of a text is
proportional to its length.

Source: YAML 1.1 sections 3.2 and 10; RFC 8259 for the values of the result.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, cast

import yaml

from app.domain.errors import BadRequest
from app.schemas.documents.body_bounds import (
    DEPTH_MAX,
    DUPLICATES_MAX,
    MEMBERS_MAX,
    NODES_MAX,
    TOO_WIDE,
)
from app.schemas.documents.paths import join_path

REPEATED_MAX = 16 * 1024 * 1024  # characters that aliases may repeat in a stream
_NUMBER_LENGTH_MAX = 64  # characters; longer plain text is not a number

_TAG = "tag:yaml.org,2002:"

_TRUE = frozenset(["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"])
_FALSE = frozenset(["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"])
_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)\Z|\.(nan|NaN|NAN)\Z")
_INTEGER = re.compile(r"[-+]?(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|[1-9][0-9]*|0)\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_WHOLE_MAX = 10**21  # from here on, JSON encoders use an exponent
_TAGGED: Mapping[str, tuple[type[object], ...]] = {
    f"{_TAG}bool": (bool,),
    f"{_TAG}float": (int, float),
    f"{_TAG}int": (int,),
    f"{_TAG}null": (type(None),),
}


class _Mark(Protocol):
    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Parsed:
    """One value of a body, and the paths of its duplicate keys."""

    value: object
    duplicates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Node:
    # ``size`` counts values, ``length`` characters, ``height`` nested containers, all with
    # aliases expanded.
    value: object
    size: int = 1
    length: int = 0
    height: int = 0


@dataclass(slots=True)
class _Frame:
    """A container that is not complete yet."""

    value: dict[str, object] | list[object]
    anchor: str | None
    key: str | None = None
    is_merge: bool = False
    merged: list[dict[str, object]] = field(default_factory=list[dict[str, object]])
    size: int = 1
    length: int = 0
    height: int = 1


def read_yaml(text: str, *, nodes_max: int = NODES_MAX) -> Iterator[Parsed]:
    """Parse the documents of a stream one by one, empty ones included.

    Raises BadRequest, with line and column.
    """
    try:
        yield from _Composer(nodes_max).documents(yaml.parse(text, Loader=yaml.CSafeLoader))
    except yaml.MarkedYAMLError as error:
        problem = error.problem or "it is malformed"
        raise _refused(f"{problem}{_hint(text, error.problem_mark)}", error.problem_mark) from None
    except yaml.reader.ReaderError as error:
        raise BadRequest(f"the YAML cannot be read: {error.reason}") from None
    except UnicodeError:
        raise BadRequest("the YAML cannot be read: an escape is no character") from None


def _hint(text: str, mark: _Mark | None) -> str:
    """Add the usual reason when the error is at a tab."""
    if mark is None:
        return ""
    line = text.split("\n", mark.line + 1)[mark.line : mark.line + 1]
    is_tab = bool(line) and line[0][mark.column : mark.column + 1] == "\t"
    return ": YAML is indented with spaces, not with tabs" if is_tab else ""


def _refused(problem: str, mark: _Mark | None) -> BadRequest:
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return BadRequest(f"the YAML cannot be read: {where}{problem}")


class _Composer:
    """Builds values from events; one for each stream."""

    def __init__(self, nodes_max: int) -> None:
        self._nodes_max = nodes_max
        self._frames: list[_Frame] = []
        self._anchors: dict[str, _Node] = {}
        self._duplicates: dict[str, None] = {}
        self._root: object = None
        self._size = self._repeated = 0

    def documents(self, events: Iterable[yaml.Event]) -> Iterator[Parsed]:
        """Yield the value of each document at its end."""
        for event in events:
            match event:
                case yaml.ScalarEvent():
                    self._scalar(event)
                case yaml.CollectionStartEvent():
                    self._open(event)
                case yaml.CollectionEndEvent():
                    self._close(event)
                case yaml.AliasEvent():
                    self._repeat(event)
                case yaml.DocumentStartEvent():
                    self._anchors, self._duplicates, self._root = {}, {}, None
                case yaml.DocumentEndEvent():
                    yield Parsed(self._root, tuple(self._duplicates))
                case _:
                    pass  # start and end of the stream

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        node = _Node(scalar_of(event), length=len(event.value))
        if event.anchor:
            self._anchors[event.anchor] = node
        self._count(1, event)
        self._place(node, event)

    def _open(self, event: yaml.CollectionStartEvent) -> None:
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        if event.tag not in (None, "!", f"{_TAG}{'map' if is_mapping else 'seq'}"):
            raise _refused("the tag is not supported", event.start_mark)
        self._count(1, event)
        self._frames.append(_Frame({} if is_mapping else [], event.anchor))
        if len(self._frames) > DEPTH_MAX:
            raise _refused(f"it nests deeper than {DEPTH_MAX} levels", event.start_mark)

    def _close(self, event: yaml.Event) -> None:
        frame = self._frames.pop()
        value = frame.value
        if isinstance(value, dict):
            for mapping in frame.merged:
                value = {**mapping, **value}  # own keys win, then the first merged mapping
        node = _Node(value, frame.size, frame.length, frame.height)
        if frame.anchor:
            self._anchors[frame.anchor] = node
        self._place(node, event)

    def _repeat(self, event: yaml.AliasEvent) -> None:
        node = self._anchors.get(event.anchor or "")
        if node is None:  # also when the anchored container is not complete
            raise _refused("the alias stands for nothing yet", event.start_mark)
        self._count(node.size, event)
        self._repeated += node.length
        if self._repeated > REPEATED_MAX:
            raise _refused(f"aliases repeat more than {REPEATED_MAX} characters", event.start_mark)
        if len(self._frames) + node.height > DEPTH_MAX:
            raise _refused(f"it nests deeper than {DEPTH_MAX} levels", event.start_mark)
        self._place(node, event)

    def _count(self, size: int, event: yaml.Event) -> None:
        self._size += size
        if self._size > self._nodes_max:
            raise _refused(f"it holds more than {self._nodes_max} values", event.start_mark)

    def _place(self, node: _Node, event: yaml.Event) -> None:
        if not self._frames:
            self._root = node.value
            return
        frame = self._frames[-1]
        frame.size += node.size
        frame.length += node.length
        frame.height = max(frame.height, node.height + 1)
        if len(frame.value) >= MEMBERS_MAX:
            raise _refused(TOO_WIDE, event.start_mark)
        if isinstance(frame.value, list):
            frame.value.append(node.value)
        elif frame.key is None:
            frame.is_merge = is_merge(event)
            frame.key = _key(node.value, event)
            if frame.key in frame.value:
                self._note_duplicate(frame.key)
        else:
            if frame.is_merge:
                frame.merged.extend(_mergeable(node.value, event))
            else:
                frame.value[frame.key] = node.value
            frame.key = None

    def _note_duplicate(self, key: str) -> None:
        if len(self._duplicates) == DUPLICATES_MAX:
            return
        path = ""
        for frame in self._frames[:-1]:
            here = len(frame.value) if isinstance(frame.value, list) else frame.key or ""
            path = join_path(path, here)
        self._duplicates[join_path(path, key)] = None


def is_merge(event: yaml.Event) -> bool:
    """Whether a key is ``<<``, which merges its value into the mapping."""
    return isinstance(event, yaml.ScalarEvent) and event.value == "<<" and event.implicit[0]


def _key(value: object, event: yaml.Event) -> str:
    key = key_of(value)
    if key is None:
        raise _refused("a key must be a text, a number or a boolean", event.start_mark)
    return key


def key_of(value: object) -> str | None:
    """Convert a value to the key of a mapping; None when it cannot be a key."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case _:
            return None


def _mergeable(value: object, event: yaml.Event) -> list[dict[str, object]]:
    mappings = cast("list[object]", value) if isinstance(value, list) else [value]
    if not all(isinstance(mapping, dict) for mapping in mappings):
        raise _refused("only mappings can be merged", event.start_mark)
    return cast("list[dict[str, object]]", mappings)


def scalar_of(event: yaml.ScalarEvent) -> object:
    """Give the value of a scalar; raises BadRequest for an unsupported one."""
    text: str = event.value
    if "\0" in text:
        raise _refused("it holds a NUL character", event.start_mark)
    if event.tag in ("!", f"{_TAG}str") or (event.tag is None and not event.implicit[0]):
        return text
    value = plain_value(text)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise _refused("the number is not finite", event.start_mark)
        # Kubernetes turns YAML into JSON, where 80.0 is written 80.
        value = int(value) if value.is_integer() and abs(value) < _WHOLE_MAX else value
    if event.tag is not None and type(value) not in _TAGGED.get(event.tag, ()):
        raise _refused("the tag is not supported, or not for this value", event.start_mark)
    return value


def plain_value(text: str) -> object:
    """Give the value of an unquoted scalar."""
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if len(text) > _NUMBER_LENGTH_MAX or text[0] not in "+-.0123456789":
        return text
    if _NOT_FINITE.match(text):
        return math.nan
    digits = text.replace("_", "")
    if _INTEGER.match(digits):
        integer = _integer(digits)
        return integer if -(2**63) <= integer < 2**64 else float(integer)
    return float(digits) if _FLOAT.match(digits) else text


def _integer(digits: str) -> int:
    magnitude = digits.lstrip("+-")
    is_octal = magnitude[0] == "0" and magnitude[1:2].isdecimal()  # 010 is 8
    number = int(magnitude, 8) if is_octal else int(magnitude, 0)
    return -number if digits[0] == "-" else number
