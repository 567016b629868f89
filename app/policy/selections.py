"""Which fields an expression selects of its variables, read from its checked form.

    octets of a CheckedExpr -> {("claims", "email"), …}

The library gives the syntax tree only as a protobuf message.  Of that format this reads what it
needs: length-delimited fields by number.  `claims.email`, `claims.?email` and `has(claims.email)`
select; `claims["email"]` does not, as in Kubernetes.

Source: cel-spec `proto/cel/expr/checked.proto`, `syntax.proto`; protobuf encoding;
apiserver `pkg/apis/apiserver/validation` (hasSelectExp).
"""

from collections.abc import Iterator
from typing import Final

_VARINT, _FIXED_64, _LENGTH_DELIMITED, _FIXED_32 = 0, 1, 2, 5
_FIXED_OCTETS: Final = {_FIXED_64: 8, _FIXED_32: 4}
_ANY_VALUE: Final = 2
_CHECKED_EXPR: Final = 4
_CONST, _IDENT, _SELECT, _CALL = 3, 4, 5, 6
_LIST, _STRUCT, _COMPREHENSION = 7, 8, 9
_OPTIONAL_SELECT: Final = b"_?._"
_CHILDREN: Final = {_CALL: (1, 3), _LIST: (1,), _COMPREHENSION: (2, 4, 5, 6, 7)}
_ENTRIES, _ENTRY_CHILDREN = 2, (3, 4)

Fields = dict[int, list[bytes]]


def selections_of(serialized: bytes) -> frozenset[tuple[str, str]]:
    """Collect each variable with the name of a field that is selected of it."""
    checked = _fields(_one(_fields(serialized), _ANY_VALUE))
    return frozenset(_selected(_one(checked, _CHECKED_EXPR)))


def _selected(expression: bytes) -> Iterator[tuple[str, str]]:
    fields = _fields(expression)
    if selects := fields.get(_SELECT):
        select = _fields(selects[0])
        yield from _named(_one(select, 1), _one(select, 2))
        yield from _selected(_one(select, 1))
    for entry in (each for octets in fields.get(_STRUCT, ()) for each in _entries(octets)):
        yield from _selected(entry)
    for kind, numbers in _CHILDREN.items():
        for octets in fields.get(kind, ()):
            node = _fields(octets)
            if kind == _CALL and _one(node, 2) == _OPTIONAL_SELECT:
                operand, name = node[3]
                yield from _named(operand, _text_constant(name))
            for child in (each for number in numbers for each in node.get(number, ())):
                yield from _selected(child)


def _named(operand: bytes, name: bytes) -> Iterator[tuple[str, str]]:
    if identifiers := _fields(operand).get(_IDENT):
        yield _one(_fields(identifiers[0]), 1).decode(), name.decode()


def _entries(octets: bytes) -> Iterator[bytes]:
    for entry in _fields(octets).get(_ENTRIES, ()):
        fields = _fields(entry)
        yield from (each for number in _ENTRY_CHILDREN for each in fields.get(number, ()))


def _text_constant(expression: bytes) -> bytes:
    constant = _fields(_one(_fields(expression), _CONST))
    return _one(constant, 6)


def _one(fields: Fields, number: int) -> bytes:
    return fields.get(number, [b""])[-1]


def _fields(octets: bytes) -> Fields:
    """Split a message into its length-delimited fields; other fields are skipped."""
    found: Fields = {}
    position = 0
    while position < len(octets):
        tag, position = _varint(octets, position)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            _, position = _varint(octets, position)
        elif kind == _LENGTH_DELIMITED:
            length, position = _varint(octets, position)
            found.setdefault(number, []).append(octets[position : position + length])
            position += length
        else:
            position += _FIXED_OCTETS[kind]
    return found


def _varint(octets: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        octet = octets[position]
        value |= (octet & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if octet < 0x80:  # noqa: PLR2004  the bit that says that more follow
            return value, position
