"""Ways in which a backup file can be damaged: each must be detected.

Those that are ``vouched_for`` have a last line that fits: somebody changed the file on purpose.
"""

import hashlib
import json
from collections.abc import Callable
from typing import Any, Final

Lines = list[bytes]
Damage = Callable[[Lines], Lines]


def vouched_for(lines: Lines) -> Lines:
    """Replace the end of lines by one with the right checksum."""
    kept = lines[:-1]
    digest = hashlib.sha256(b"".join(kept)).hexdigest()
    end = {"kind": "WaypostBackupEnd", "objects": len(kept) - 1, "sha256": digest}
    return [*kept, line_of(end)]


def line_of(entry: object) -> bytes:
    return f"{json.dumps(entry)}\n".encode()


def with_header(**changes: object) -> Damage:
    def damage(lines: Lines) -> Lines:
        header = {**json.loads(lines[0]), **changes}
        return vouched_for([line_of(header), *lines[1:]])

    damage.__name__ = f"header with {changes}"
    return damage


def with_object(name: str, change: Callable[[dict[str, Any]], object]) -> Damage:
    """Change the wire form of the first Service."""

    def damage(lines: Lines) -> Lines:
        place = next(i for i, line in enumerate(lines) if b'"kind": "Service"' in line)
        entry = json.loads(lines[place])
        body = json.loads(entry["body"])
        change(body)
        changed = line_of({**entry, "body": json.dumps(body)})
        return vouched_for([*lines[:place], changed, *lines[place + 1 :]])

    damage.__name__ = name
    return damage


def with_line(name: str, change: Callable[[bytes], bytes]) -> Damage:
    """Change the line of the first object."""

    def damage(lines: Lines) -> Lines:
        return vouched_for([lines[0], change(lines[1]), *lines[2:]])

    damage.__name__ = name
    return damage


def named(name: str, damage: Damage) -> Damage:
    damage.__name__ = name
    return damage


def _meta(**changes: object) -> Callable[[dict[str, Any]], object]:
    return lambda body: body["metadata"].update(changes)


DAMAGES: Final[tuple[Damage, ...]] = (
    named("nothing", lambda _: []),
    named("an empty line", lambda _: [b"\n"]),
    named("no JSON", lambda _: [b"{\n"]),
    named("a table of SQL", lambda _: [b"CREATE TABLE objects ();\n"]),
    named("another document", lambda _: [b'{"kind": "List", "items": []}\n']),
    named("a list", lambda _: [b"[]\n"]),
    named("octets of a program", lambda _: [b"\x7fELF\x02\x01\x01\x00\n"]),
    named("the header alone", lambda lines: lines[:1]),
    named("no end", lambda lines: lines[:-1]),
    named("half", lambda lines: lines[: len(lines) // 2]),
    named("the last octet missing", lambda lines: [*lines[:-1], lines[-1][:-1]]),
    named("the last line half", lambda lines: [*lines[:-1], lines[-1][:20]]),
    named("a line half", lambda lines: [*lines[:2], lines[2][: len(lines[2]) // 2]]),
    named("a line missing", lambda lines: [*lines[:2], *lines[3:]]),
    named("a line twice", lambda lines: [*lines[:2], *lines[1:]]),
    named("two lines changed about", lambda ls: [ls[0], ls[2], ls[1], *ls[3:]]),
    named("something behind the end", lambda lines: [*lines, lines[1]]),
    named("two backups in one", lambda lines: [*lines, *lines]),
    named("no header", lambda lines: vouched_for(lines[1:])),
    named(
        "a count that is another",
        lambda ls: [*ls[:-1], ls[-1].replace(b'"objects": ', b'"objects": 1')],
    ),
    named("a digest that is none", lambda ls: [*ls[:-1], ls[-1][:-10] + b'"}\n']),
    with_header(format=1),
    with_header(format=3),
    with_header(format="2"),
    with_header(revision=-1),
    with_header(revision=True),
    with_header(revision=1.5),
    with_header(revision="7"),
    with_header(revision=1 << 63),
    with_header(revision=0),
    with_header(cursors=None),
    with_header(cursors=[]),
    with_header(cursors={"nowhere": 1}),
    with_header(cursors={"10.96.0.0/12": "1"}),
    with_header(cursors={"10.96.0.0/12": -1}),
    with_line(
        "an object of a kind that is not held", lambda _: line_of({"kind": "Job", "body": "{}"})
    ),
    with_line("an object without body", lambda _: line_of({"kind": "Service"})),
    with_line("a body that is no JSON", lambda _: line_of({"kind": "Service", "body": "{"})),
    with_line("a body that is a list", lambda _: line_of({"kind": "Service", "body": "[]"})),
    with_line("a line without end", lambda _: b"[" * 200_000 + b"\n"),
    with_object("a name that cannot be", _meta(name="Ent/../x")),
    with_object("no name", _meta(name="")),
    with_object("no namespace", _meta(namespace="")),
    with_object("a namespace that cannot be", _meta(namespace="A B")),
    with_object("a uid that is none", _meta(uid="7")),
    with_object("a revision that is still to come", _meta(resourceVersion="99999999")),
    with_object("a revision that never was", _meta(resourceVersion="0")),
    with_object("a port of another type", lambda body: body["spec"].update(ports="80")),
)
