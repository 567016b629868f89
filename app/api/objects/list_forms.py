"""The three forms of a list: JSON, indented JSON, YAML; written piece by piece.

    head, pieces of encoded objects -> pieces of text

Joined, the pieces equal the whole written at once.  A step writes one piece, which has fewer
objects where writing takes longer.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from fastapi import Request

from app.api.http.content_negotiation import JSON, YAML, chosen_form, indented, is_pretty
from app.schemas.documents.yaml_output import encode_yaml
from app.schemas.objects.encoding import OCTETS_A_PIECE

INDENTED_OCTETS_A_PIECE = 32 << 10  # of plain JSON: some 6 ms of work
YAML_OCTETS_A_PIECE = 8 << 10

Pieces = Iterable[list[bytes]]


@dataclass(frozen=True, slots=True)
class ListForm:
    """One form of a list, with the octets of plain JSON in a piece."""

    media_type: str
    octets_a_piece: int
    write: Callable[[bytes, Pieces], Iterator[bytes]]
    """Takes the list without its items, and the items; yields no empty piece."""


def list_form(request: Request) -> ListForm:
    """Choose the form that the client accepts; raises NotAcceptable when it accepts none."""
    if chosen_form(request) == YAML:
        return _YAML
    return _INDENTED if is_pretty(request) else _JSON


def _plain(head: bytes, pieces: Pieces) -> Iterator[bytes]:
    yield b'%b,"items":[' % head.removesuffix(b"}")
    separator = b""
    for piece in pieces:
        yield separator + b",".join(piece)
        separator = b","
    yield b"]}"


def _with_indent(head: bytes, pieces: Pieces) -> Iterator[bytes]:
    yield b'%b,\n  "items": [' % indented(head).removesuffix(b"\n}\n")
    separator, end = b"\n", b"]\n}\n"
    for piece in pieces:
        inner = [indented(body).rstrip().replace(b"\n", b"\n    ") for body in piece]
        yield separator + b",\n".join([b"    " + body for body in inner])
        separator, end = b",\n", b"\n  ]\n}\n"
    yield end


def _as_yaml(head: bytes, pieces: Pieces) -> Iterator[bytes]:
    yield encode_yaml(json.loads(head))
    title, end = b"items:\n", b"items: []\n"
    for piece in pieces:
        yield title + encode_yaml([json.loads(body) for body in piece])
        title, end = b"", b""
    if end:
        yield end


_JSON = ListForm(JSON, OCTETS_A_PIECE, _plain)
_INDENTED = ListForm(JSON, INDENTED_OCTETS_A_PIECE, _with_indent)
_YAML = ListForm(YAML, YAML_OCTETS_A_PIECE, _as_yaml)
