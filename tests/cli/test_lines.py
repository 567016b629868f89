"""Every path of a file has a line, in YAML and in JSON."""

import json
from typing import cast

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.cli.lines import Found, lines_of, nearest_line, repeats_of
from app.schemas.documents.json_text import read_json
from app.schemas.documents.read import MediaType
from app.schemas.documents.yaml_text import read_yaml
from tests.schemas.wire_strategies import json_values

JSON, YAML = MediaType.JSON, MediaType.YAML

IN_YAML = """\
# a comment
kind: Service
metadata: {name: a,
  labels: {x/y: "1"}}
spec:
  ports:
  - port: 80
    name: |
      text
  - &n null
  - *n
---
---
kind: &k Pod
items:
- - deep
"""
IN_JSON = """\
{"kind": "Service",
 "metadata": {"name": "a }",
   "labels": {"x/y": "1"}}}
null {
"items": [
  1, "two\\n", {"three": [true]}]}
"""


@pytest.mark.parametrize(
    ("text", "media", "number", "path", "line"),
    [
        (IN_YAML, YAML, 0, "", 2),
        (IN_YAML, YAML, 0, "kind", 2),
        (IN_YAML, YAML, 0, "metadata.labels[x/y]", 4),
        (IN_YAML, YAML, 0, "spec.ports", 6),
        (IN_YAML, YAML, 0, "spec.ports[0]", 7),
        (IN_YAML, YAML, 0, "spec.ports[0].name", 8),
        (IN_YAML, YAML, 0, "spec.ports[1]", 10),
        (IN_YAML, YAML, 0, "spec.ports[2]", 11),
        (IN_YAML, YAML, 2, "items[0][0]", 16),
        (IN_YAML, YAML, 0, "spec.ports[0].targetPort", 7),
        (IN_YAML, YAML, 0, "spec.ports[port=9].name", 6),
        (IN_YAML, YAML, 0, "status.x[3]", 2),
        (IN_YAML, YAML, 7, "status", 1),
        (IN_JSON, JSON, 0, "metadata.labels[x/y]", 3),
        (IN_JSON, JSON, 1, "", 4),
        (IN_JSON, JSON, 2, "items[2].three[0]", 6),
        (IN_JSON, YAML, 2, "items[1]", 6),
        ("{a: 1,\n b: 2}", YAML, 0, "b", 2),
        ('{"a": 1, "a":\n 2,\n "a": 3}', JSON, 0, "a", 3),
        ("a: {b: 1,\n  c: [2]}\na: {b: 3}\n", YAML, 0, "a.b", 3),
        ("a: {b: 1,\n  c: [2]}\na: {b: 3}\n", YAML, 0, "a.c[0]", 3),
        ("a: [1,\n 2]\na: [\n 3]\n", YAML, 0, "a[0]", 4),
        ("0x10: 1\nyes: 2\n", YAML, 0, "[16]", 1),
        ("0x10: 1\nyes: 2\n", YAML, 0, "true", 2),
        ("a: &k b\n*k : 1\n", YAML, 0, "b", 2),
    ],
)
def test_a_path_has_the_line_of_its_key_or_of_its_nearest_container(
    text: str, media: MediaType, number: int, path: str, line: int
) -> None:
    assert nearest_line(lines_of(text, media), number, path) == line


REPEATS = """\
a: 1
<<: {x: 1}
a: 2
<<: {x: 2}
s: {t: 1,
    t: 2}
s:
  t: 3
l:
- a: 1
- a: 2
---
a: 1
yes: 1
"true": 2
"""


def test_a_duplicate_key_has_the_line_of_the_first() -> None:
    assert list(repeats_of(REPEATS, YAML)) == [
        Found(0, "a", 3, first=1),
        Found(0, "s.t", 6, first=5),
        Found(0, "s", 7, first=5),
        Found(1, "true", 15, first=14),
    ]
    in_json = '{"a": 1,\n"a": {"b": 1,\n"b": 2,\n"b": 3}, "<<": 1, "<<": 2}'
    assert list(repeats_of(in_json, JSON)) == [
        Found(0, "a", 2, first=1),
        Found(0, "a.b", 3, first=2),
        Found(0, "a.b", 4, first=2),
        Found(0, "[<<]", 4, first=4),
    ]


keyed = st.recursive(
    st.integers(0, 9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(st.tuples(st.sampled_from(["a", "b", "c d"]), inner), max_size=4).map(tuple)
    ),
)


def written(value: object) -> str:
    if isinstance(value, tuple):
        pairs = cast("tuple[tuple[str, object], ...]", value)
        return f"{{{', '.join(f'{json.dumps(key)}: {written(below)}' for key, below in pairs)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(written, cast('list[object]', value)))}]"
    return str(value)


@given(keyed)
def test_both_parsers_find_the_same_duplicate_keys(value: object) -> None:
    text = f'{{"top": {written(value)}}}'
    repeated = {repeat.path for repeat in repeats_of(text, JSON)}
    assert set(read_json(text).duplicates) == repeated
    assert set(next(read_yaml(text)).duplicates) == repeated


@given(st.lists(json_values, max_size=3), st.sampled_from([None, 1]), st.sampled_from(MediaType))
def test_json_has_the_same_paths_in_either_reading(
    values: list[object], indent: int | None, media: MediaType
) -> None:
    text = "\n".join(json.dumps({"a": value}, indent=indent) for value in values)
    assume("Infinity" not in text)
    lines = lines_of(text, JSON)
    assert {number for number, _ in lines} == set(range(len(values)))
    assert {place.line for place in lines.values()} <= set(range(1, text.count("\n") + 2))
    if len(values) == 1:
        assert lines_of(text, media) == lines


@given(st.text(max_size=40))
def test_any_path_has_a_line(path: str) -> None:
    assert nearest_line(lines_of(IN_JSON, JSON), 0, path) >= 1
