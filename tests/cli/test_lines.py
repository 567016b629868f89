"""Every path of a file has a line, whatever the file is written in."""

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.cli.lines import lines_of, nearest_line
from app.schemas.documents import MediaType
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
    ],
)
def test_a_path_has_the_line_of_its_key_or_of_what_is_nearest(
    text: str, media: MediaType, number: int, path: str, line: int
) -> None:
    assert nearest_line(lines_of(text, media), number, path) == line


@given(st.lists(json_values, max_size=3), st.sampled_from([None, 1]), st.sampled_from(MediaType))
def test_json_has_the_same_paths_in_either_reading(
    values: list[object], indent: int | None, media: MediaType
) -> None:
    text = "\n".join(json.dumps({"a": value}, indent=indent) for value in values)
    assume("Infinity" not in text)
    lines = lines_of(text, JSON)
    assert {number for number, _ in lines} == set(range(len(values)))
    assert set(lines.values()) <= set(range(1, text.count("\n") + 2))
    if len(values) == 1:
        assert lines_of(text, media) == lines


@given(st.text(max_size=40))
def test_any_path_has_a_line(path: str) -> None:
    assert nearest_line(lines_of(IN_JSON, JSON), 0, path) >= 1
