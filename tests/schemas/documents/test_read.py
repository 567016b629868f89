"""Bodies are parsed to documents, or refused with line and column."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.domain.errors import BadRequest
from app.domain.objects.resource import Object
from app.schemas.documents.body_bounds import MEMBERS_MAX, NODES_MAX
from app.schemas.documents.read import (
    Document,
    MediaType,
    Origin,
    media_type,
    parse_document,
    parse_documents,
    parse_value,
)
from app.schemas.documents.yaml_output import encode_yaml
from app.schemas.objects.codec import decode_object, encode_bytes, encode_object
from tests.schemas.wire_strategies import objects

JSON, YAML = MediaType.JSON, MediaType.YAML
BOUTIQUE = Path(__file__).parents[4] / "shared" / "data" / "online-boutique.yaml"
BOTH = pytest.mark.parametrize("media", MediaType)


def contents(body: bytes, media: MediaType = YAML) -> list[dict[str, object]]:
    return [document.content for document in parse_documents(body, media)]


@pytest.mark.parametrize(
    ("content_type", "media"),
    [
        ("", None),
        ("application/json", JSON),
        ("Application/JSON; charset=utf-8", JSON),
        ("application/merge-patch+json", JSON),
        ("application/yaml", YAML),
        ("application/x-yaml", YAML),
        ("text/yaml; charset=utf-8", YAML),
        ("application/apply-patch+yaml", YAML),
        ("text/plain", None),
        ("application/vnd.kubernetes.protobuf", None),
        (";", None),
        ("application/x-ndjson", JSON),
        ("application/jsonl; charset=utf-8", JSON),
    ],
)
def test_the_content_type_gives_the_language(content_type: str, media: MediaType | None) -> None:
    assert media_type(content_type) is media


def test_a_stream_has_several_documents_and_empty_ones_are_skipped() -> None:
    body = b"# nothing\n---\na: 1\n---\n---\n# nothing either\n---\nb: 2\n...\n"

    assert contents(body) == [{"a": 1}, {"b": 2}]


@BOTH
def test_a_byte_order_mark_is_ignored(media: MediaType) -> None:
    assert contents(b'\xef\xbb\xbf{"a": 1}', media) == [{"a": 1}]


def test_json_with_tabs_is_parsed_when_declared_as_yaml() -> None:
    assert contents(b'{\n\t"a": "\\/"\n}') == [{"a": "/"}]


def test_a_list_is_its_items() -> None:
    body = b"""
kind: List
apiVersion: v1
items:
- {kind: Pod, apiVersion: v1}
- {kind: List, apiVersion: v1, items: [{kind: Node}, {kind: Namespace}]}
"""

    assert [content["kind"] for content in contents(body)] == ["Pod", "Node", "Namespace"]


def test_the_items_of_a_typed_list_are_of_its_kind() -> None:
    body = b'{"kind":"ServiceList","apiVersion":"v1","items":[{"metadata":{"name":"a"}}]}'

    assert contents(body, JSON) == [
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}}
    ]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"kind: List", []),
        (b"{kind: List, items: null}", []),
        (b"kind: AllowList", [{"kind": "AllowList"}]),
        (b"", []),
        (b"# only a comment", []),
    ],
)
def test_a_list_without_items_has_no_objects(
    body: bytes, expected: list[dict[str, object]]
) -> None:
    assert contents(body) == expected


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"kind: List\nitems: 7", "items must be a list, not an integer"),
        (b"kind: List\nitems: [7]", r"items\[0\] must be an object, not an integer"),
        (b"- a", "a document must be an object, not a list"),
        (b"a", "a document must be an object, not a string"),
    ],
)
def test_other_values_than_objects_are_refused(body: bytes, message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        parse_documents(body, YAML)


STREAM = b'{"a": 1}{"b": 2}\n\nnull\n{\n\t"kind": "List", "items": [{"c": 3}]\n}\n'


@BOTH
def test_objects_of_json_one_after_another_are_a_stream(media: MediaType) -> None:
    assert contents(b"\xef\xbb\xbf" + STREAM, media) == [{"a": 1}, {"b": 2}, {"c": 3}]
    assert contents(b"null", media) == []


def test_each_document_has_its_position() -> None:
    in_json = parse_documents(STREAM, JSON)
    assert [document.origin for document in in_json] == [
        Origin(0),
        Origin(1),
        Origin(3, "items[0]"),
    ]
    nested = b"---\n---\nkind: List\nitems: [{kind: List, items: [{a: 1}]}]\n"
    assert [each.origin for each in parse_documents(nested, YAML)] == [
        Origin(1, "items[0].items[0]")
    ]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b'{"a": 1}\n{"b": 2}\n{"c"', "the JSON cannot be read: document 3, line 3"),
        (b'{"a": 1}\n---\n{"b": [', "the YAML cannot be read: "),
        (b"{a: 1}\n{b: 2}", "the YAML cannot be read: "),
    ],
)
def test_text_in_neither_language_is_refused_by_its_beginning(body: bytes, problem: str) -> None:
    with pytest.raises(BadRequest) as refused:
        parse_documents(body, YAML)
    assert refused.value.message.startswith(problem)


@BOTH
@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (
            b'{"kind": "List", "itmes": [{"a": 1}]}',
            "List has no items, and an unknown field: itmes",
        ),
        (b'{"kind": "PodList", "items": [{}], "items": []}', "items of the PodList is given twice"),
    ],
)
def test_a_list_that_would_lose_its_objects_is_refused(
    media: MediaType, body: bytes, problem: str
) -> None:
    with pytest.raises(BadRequest, match=problem):
        parse_documents(body, media)


@BOTH
def test_duplicate_keys_are_listed_and_the_last_one_counts(media: MediaType) -> None:
    body = b'{"a": 1, "b": [{"c": 1, "c": 2}], "a": 3}'

    document = parse_document(body, media)

    assert document.content == {"a": 3, "b": [{"c": 2}]}
    assert sorted(document.duplicates) == ["a", "b[0].c"]


@BOTH
def test_duplicate_keys_in_a_list_are_listed_with_their_own_object(media: MediaType) -> None:
    body = b'{"kind": "List", "items": [{"a": 1}, {"spec": {"b": 1, "b": 2}}]}'

    assert [document.duplicates for document in parse_documents(body, media)] == [(), ("spec.b",)]


@BOTH
@pytest.mark.parametrize("body", [b"", b"  \n"])
def test_an_empty_body_is_not_one_document(media: MediaType, body: bytes) -> None:
    with pytest.raises(BadRequest, match="the body is empty"):
        parse_document(body, media)


def test_several_documents_are_not_one_document() -> None:
    with pytest.raises(BadRequest, match="one document"):
        parse_document(b"a: 1\n---\nb: 2", YAML)
    with pytest.raises(BadRequest, match="line 2, column 1: Extra data"):
        parse_document(b'{"a": 1}\n{"b": 2}', JSON)


def test_a_patch_may_be_a_list() -> None:
    assert parse_value(b"[1]", JSON).value == [1]


@BOTH
def test_a_body_that_is_not_utf_8_is_refused_with_line_and_column(media: MediaType) -> None:
    with pytest.raises(BadRequest, match="line 2, column 3"):
        parse_documents(b'{\n"a\xff": 1}', media)


def test_more_objects_than_the_bound_are_refused() -> None:
    assert len(parse_documents(b"a: 1\n---\nb: 1", YAML, objects_max=2)) == 2
    with pytest.raises(BadRequest, match=r"more than 2 objects.*WAYPOST_APPLY_OBJECTS_MAX"):
        parse_documents(b"a: 1\n---\nb: 1\n---\nc: 1", YAML, objects_max=2)


@pytest.mark.parametrize(("body", "media"), [("null ", JSON), ("---\n", YAML)])
def test_nulls_are_bounded_too(body: str, media: MediaType) -> None:
    assert parse_documents((body * MEMBERS_MAX).encode(), media) == ()
    with pytest.raises(BadRequest, match=f"more than {MEMBERS_MAX} values"):
        parse_documents((body * (MEMBERS_MAX + 1)).encode(), media)


def in_json(count: int) -> bytes:
    """Encode an object that has ``count`` values besides itself and its lists."""
    wide = [[0] * (MEMBERS_MAX // 2) for _ in range(count // (MEMBERS_MAX // 2))]
    return json.dumps({"a": wide}).encode()


def test_json_of_too_many_values_is_refused_before_it_is_parsed() -> None:
    assert parse_documents(in_json(NODES_MAX // 2), JSON)
    with pytest.raises(BadRequest, match=f"more than {NODES_MAX} values"):
        parse_documents(in_json(NODES_MAX) + b"not even JSON", JSON)


def test_characters_in_strings_are_not_counted_as_values() -> None:
    text = json.dumps({"a": ',[{\\"' * NODES_MAX})
    assert len(parse_documents(text.encode(), JSON)) == 1


@BOTH
@pytest.mark.parametrize("member", ["[{}]", "{{{}}}"])
def test_containers_of_too_many_members_are_refused(media: MediaType, member: str) -> None:
    def body(count: int) -> bytes:
        written = (f'"k{n}": 1' if "{{" in member else "1" for n in range(count))
        return ('{"a": ' + member.format(", ".join(written)) + "}").encode()

    assert parse_documents(body(MEMBERS_MAX), media)
    with pytest.raises(BadRequest, match=f"more than {MEMBERS_MAX} members"):
        parse_documents(body(MEMBERS_MAX + 1), media)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b"- " * 50_000,
        b"? " * 50_000,
        b"9" * 100_000,
        b'{"a": 1e999}',
        b'{"a": "\\ud800"}',
        b'{"\\udc00": 1}',
        b'{"a": "\\u0000"}',
        b'{"a": "\x00"}',
        b"a: \x00",
        b"a: .inf",
        b"a: !!python/object:os.system x",
        b"a: !!binary aGk=",
        b"a: &a [*a]",
        b"a: *b",
        b"{[1]: 2}",
        b"a: b: c",
        b"\xff\xfe{\x00}\x00",
        b"%YAML 9.9\n---\na: 1",
        b"<<: 7",
        b"!<tag:yaml.org,2002:map> [1]",
    ],
)
def test_hostile_bodies_are_refused(body: bytes) -> None:
    for media in MediaType:
        with pytest.raises(BadRequest):
            parse_documents(body, media)


@BOTH
@given(
    body=st.binary()
    | st.text(st.characters()).map(lambda text: text.encode("utf-8", "surrogatepass"))
)
@example(body=b"\x85")
@example(body="\N{LINE SEPARATOR}: \N{ZERO WIDTH NO-BREAK SPACE}".encode())
def test_any_bytes_are_documents_or_a_refusal(media: MediaType, body: bytes) -> None:
    for parse in (parse_documents, parse_value):
        _accepts(parse, body, media)


@BOTH
@given(pieces=st.lists(st.sampled_from(
    ["{", "}", "[", "]", ":", ",", '"', "'", "a", "&x ", "*x", "<<: ", "- ", "? ", "\n", "\n  ",
     "--- ", "...", "!!int ", "! ", "| ", "> ", "#", "%", "1", "-1e9", ".5", "0x1F", "yes", "~",
     "\\u0000", "\\ud83d\\ude00", "kind: List", "items: "]
), max_size=30))  # fmt: skip
def test_any_grammar_is_documents_or_a_refusal(media: MediaType, pieces: list[str]) -> None:
    _accepts(parse_documents, "".join(pieces).encode(), media)


def _accepts(parse: Callable[[bytes, MediaType], object], body: bytes, media: MediaType) -> None:
    try:
        parse(body, media)
    except BadRequest as refusal:
        refusal.message.encode()


@given(objects)
def test_json_and_yaml_of_an_object_are_parsed_to_the_same(registered: Object) -> None:
    from_json = parse_document(encode_bytes(registered), JSON)
    from_yaml = parse_document(encode_yaml(encode_object(registered)), YAML)

    assert from_json == from_yaml
    assert decode_object(from_yaml.content).object == decode_object(from_json.content).object


def test_the_manifests_of_a_well_known_shop_are_parsed_unchanged() -> None:
    if not BOUTIQUE.exists():
        pytest.skip("the manifests of others are not here")

    found = parse_documents(BOUTIQUE.read_bytes(), YAML)
    services = [document for document in found if document.content["kind"] == "Service"]

    assert (len(found), len(services)) == (35, 12)
    assert all(not document.duplicates for document in found)
    assert all(decode_object(document.content).ignored_fields == () for document in services)


def test_documents_compare_by_value() -> None:
    assert Document({"a": 1}) == parse_document(b"a: 1", YAML)
