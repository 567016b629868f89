"""Which line of a file says what: for refusals and warnings that name a path.

    text -> tokens with their lines -> {(value, path): line}

A second reading, of files that something is to be said about: the reader proper keeps no
places.  Paths are spelt as the server spells them.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto

import yaml

from app.domain.errors import BadRequest
from app.schemas.documents import MediaType, is_json
from app.schemas.json_text import read_json_stream
from app.schemas.paths import join_path

Lines = Mapping[tuple[int, str], int]
"""Lines, counted from 1, by the number of the value in the file and the path in it."""

_JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]|[^\s{}\[\],:"\ufeff]+')
_LAST_STEP = re.compile(r"(?:\.?[^.\[\]]+|\[[^\]]*\])\Z")


class _Token(Enum):
    VALUE = auto()  # another value of the file begins
    MAPPING = auto()
    SEQUENCE = auto()
    END = auto()
    TEXT = auto()


_Tokens = Iterator[tuple[_Token, str, int]]


@dataclass(slots=True)
class _Frame:
    """A container that has not ended: its path, and the key or index of what comes next in it."""

    path: str
    is_mapping: bool
    key: str | None = None
    index: int = 0


def lines_of(text: str, media: MediaType) -> Lines:
    """Find the line of every path of a text that can be read."""
    found: dict[tuple[int, str], int] = {}
    number, frames = -1, list[_Frame]()
    for token, word, line in _json_tokens(text) if _is_json(text, media) else _yaml_tokens(text):
        if token is _Token.VALUE:
            number += 1
        elif token is _Token.END:
            frames.pop()
        elif token is _Token.TEXT and frames and frames[-1].is_mapping and frames[-1].key is None:
            frames[-1].key = word
            found[number, join_path(frames[-1].path, word)] = line
        else:
            path = _next_path(frames)
            found.setdefault((number, path), line)
            if token is not _Token.TEXT:
                frames.append(_Frame(path, token is _Token.MAPPING))
    return found


def nearest_line(lines: Lines, number: int, path: str) -> int:
    """Find the line of a path, or of what it would stand in; 1 where nothing of it is there."""
    while (number, path) not in lines and path:
        shorter = _LAST_STEP.sub("", path)
        path = shorter if len(shorter) < len(path) else ""
    return lines.get((number, path), 1)


def _next_path(frames: list[_Frame]) -> str:
    """Say where the value that comes now stands."""
    if not frames:
        return ""
    frame = frames[-1]
    if frame.is_mapping:
        key, frame.key = frame.key or "", None
        return join_path(frame.path, key)
    frame.index += 1
    return join_path(frame.path, frame.index - 1)


def _is_json(text: str, media: MediaType) -> bool:
    """Whether the reader took a text for JSON."""
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
                yield _Token.TEXT, event.value, line
            case yaml.AliasEvent():
                yield _Token.TEXT, "", line
            case _:
                pass  # the ends of documents and of the stream
