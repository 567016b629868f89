"""Line numbers of paths in a file, for refusals and warnings.

    text -> keys and values, in order -> {(value, path): line}
                                      -> duplicate keys

A second parse, only for files with a refusal or a warning: the first one does not keep
positions.  Paths have the server's spelling.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple

import yaml

from app.domain.errors import BadRequest
from app.schemas.documents.json_text import read_json_stream
from app.schemas.documents.paths import join_path
from app.schemas.documents.read import MediaType, is_json
from app.schemas.documents.yaml_text import is_merge, key_of, scalar_of

_JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]|[^\s{}\[\],:"\ufeff]+')
_LAST_STEP = re.compile(r"(?:\.?[^.\[\]]+|\[[^\]]*\])\Z")


class Position(NamedTuple):
    """A position in a file: its number in the order of the text, and its line."""

    ordinal: int
    line: int


Lines = Mapping[tuple[int, str], Position]
"""Positions by the number of the value in the file and the path in it; lines count from 1."""


class Found(NamedTuple):
    """A key, or a value without one, of the value with this number in the file."""

    number: int
    path: str
    line: int
    first: int = 0
    """The line of the same key before, if this is a duplicate."""


class _Token(Enum):
    VALUE = auto()  # another value of the file begins
    MAPPING = auto()
    SEQUENCE = auto()
    END = auto()
    TEXT = auto()
    MERGE = auto()  # YAML's <<, of which a mapping may have several


_Tokens = Iterator[tuple[_Token, str, int]]


@dataclass(slots=True)
class _Frame:
    """A container that is not complete: its path, and the key or index of its next value."""

    path: str
    is_mapping: bool
    key: str | None = None
    index: int = 0
    lines: dict[str, int] = field(default_factory=dict[str, int])  # of the keys so far


def lines_of(text: str, media: MediaType) -> Lines:
    """Find the line of every path of a valid text; of equal paths the last counts."""
    return {
        (found.number, found.path): Position(ordinal, found.line)
        for ordinal, found in enumerate(_found_in(text, media))
    }


def repeats_of(text: str, media: MediaType) -> Iterator[Found]:
    """Give every duplicate key, in the order of the text."""
    return (found for found in _found_in(text, media) if found.first)


def nearest_line(lines: Lines, number: int, path: str) -> int:
    """Find the line of a path, or else of its nearest container; 1 if there is none.

    A position before that of its container belongs to a replaced value, and is ignored.
    """
    steps = [path]
    while path:
        shorter = _LAST_STEP.sub("", path)
        path = shorter if len(shorter) < len(path) else ""
        steps.append(path)
    nearest = Position(-1, 1)
    for step in reversed(steps):
        found = lines.get((number, step))
        if found is None or found.ordinal < nearest.ordinal:
            break
        nearest = found
    return nearest.line


def _found_in(text: str, media: MediaType) -> Iterator[Found]:
    number, frames = -1, list[_Frame]()
    for token, word, line in _json_tokens(text) if _is_json(text, media) else _yaml_tokens(text):
        frame = frames[-1] if frames else None
        if token is _Token.VALUE:
            number += 1
        elif token is _Token.END:
            frames.pop()
        elif frame is not None and frame.is_mapping and frame.key is None:
            frame.key = word
            first = 0
            if token is _Token.TEXT:
                first = frame.lines.get(word, 0)
                frame.lines.setdefault(word, line)
            yield Found(number, join_path(frame.path, word), line, first)
        else:
            path = _next_path(frames)
            if frame is None or not frame.is_mapping:
                yield Found(number, path, line)
            if token in (_Token.MAPPING, _Token.SEQUENCE):
                frames.append(_Frame(path, token is _Token.MAPPING))


def _next_path(frames: list[_Frame]) -> str:
    if not frames:
        return ""
    frame = frames[-1]
    if frame.is_mapping:
        key, frame.key = frame.key or "", None
        return join_path(frame.path, key)
    frame.index += 1
    return join_path(frame.path, frame.index - 1)


def _is_json(text: str, media: MediaType) -> bool:
    """Whether the first parse read the text as JSON."""
    if media is MediaType.JSON or not is_json(text):
        return media is MediaType.JSON
    try:
        for _ in read_json_stream(text):
            pass
    except BadRequest:
        return False
    return True


def _json_tokens(text: str) -> _Tokens:
    line, position, depth = 1, 0, 0
    for found in _JSON_TOKEN.finditer(text):
        line += text.count("\n", position, found.start())
        position, word = found.start(), found[0]
        if word in "}]":
            depth -= 1
            yield _Token.END, "", line
            continue
        if depth == 0:
            yield _Token.VALUE, "", line
        if word in "{[":
            depth += 1
            yield (_Token.MAPPING if word == "{" else _Token.SEQUENCE), "", line
        else:
            yield _Token.TEXT, json.loads(word) if word[0] == '"' else word, line


def _yaml_tokens(text: str) -> _Tokens:
    words: dict[str, str] = {}  # by anchor
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        match event:
            case yaml.DocumentStartEvent():
                yield _Token.VALUE, "", line
            case yaml.MappingStartEvent():
                yield _Token.MAPPING, "", line
            case yaml.SequenceStartEvent():
                yield _Token.SEQUENCE, "", line
            case yaml.CollectionEndEvent():
                yield _Token.END, "", line
            case yaml.ScalarEvent():
                word = words[event.anchor or ""] = key_of(scalar_of(event)) or ""
                yield _Token.MERGE if is_merge(event) else _Token.TEXT, word, line
            case yaml.AliasEvent():
                yield _Token.TEXT, words.get(event.anchor or "", ""), line
            case _:
                pass  # ends of documents, start and end of the stream
