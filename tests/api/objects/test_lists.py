"""A long list is sent in pieces, and times out when its client reads too slowly."""

import json
from collections.abc import AsyncGenerator, Iterator

import httpx
import pytest
import yaml
from fastapi import Request

from app.api.http.content_negotiation import YAML, encoded, indented
from app.api.objects.lists import list_form, made_under, read_in_time
from app.domain.names import Revision
from app.domain.objects.service import SERVICE
from app.registry.yielding_lock import YieldingLock
from app.schemas.objects.codec import encode_bytes
from app.schemas.objects.encoding import ENCODER, OBJECTS_A_PIECE
from app.schemas.objects.lists import encode_list_head
from tests.builders import a_service
from tests.rounds import work_a_round

MANY = 3 * OBJECTS_A_PIECE + 1


async def registered(api: httpx.AsyncClient, count: int) -> list[str]:
    """Create so many Services; gives their names in order."""
    names = [f"s{number}" for number in range(count)]
    items = [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name},
            "spec": {"type": "ExternalName", "externalName": "example.org"},
        }
        for name in names
    ]
    answer = await api.post("/apply", json={"apiVersion": "v1", "kind": "List", "items": items})
    assert answer.is_success, answer.text[:500]
    return sorted(names)


async def test_a_long_list_is_encoded_in_pieces_that_yield(api: httpx.AsyncClient) -> None:
    names = await registered(api, MANY)
    answer, rounds = await work_a_round(api.get("/services"), lambda: ENCODER.encoded)
    assert [item["metadata"]["name"] for item in answer.json()["items"]] == names
    assert max(rounds) <= OBJECTS_A_PIECE
    assert "content-length" not in answer.headers, "it is sent while it is made"


async def test_a_long_list_is_the_same_in_every_form(api: httpx.AsyncClient) -> None:
    await registered(api, OBJECTS_A_PIECE + 1)
    plain = await api.get("/services")
    pretty = await api.get("/services?pretty=true")
    in_yaml = await api.get("/services", headers={"accept": "application/yaml"})
    assert pretty.text == json.dumps(plain.json(), indent=2, ensure_ascii=False) + "\n"
    assert yaml.safe_load(in_yaml.text) == plain.json()
    assert in_yaml.headers["content-type"] == "application/yaml"
    head = await api.head("/services")
    assert (head.status_code, head.content) == (200, b"")


async def test_pages_of_a_list_make_up_the_whole(api: httpx.AsyncClient) -> None:
    names = await registered(api, MANY)
    found: list[str] = []
    token: str | None = ""
    while token is not None:
        query = {"limit": str(OBJECTS_A_PIECE + 50), "continue": token}
        page = (await api.get("/services", params=query)).json()
        found += [item["metadata"]["name"] for item in page["items"]]
        token = page["metadata"].get("continue")
        await api.delete(f"/services/default/{names[-1]}")  # it is there until the last page
    assert found == names


async def test_each_piece_is_made_under_the_lock() -> None:
    made: list[bytes] = []

    def making() -> Iterator[bytes]:
        for piece in (b"a", b"b", b"c"):
            made.append(piece)
            yield piece

    async def taken() -> list[bytes]:
        return [piece async for piece in made_under(making(), YieldingLock())]

    found, rounds = await work_a_round(taken(), lambda: len(made))
    assert found == [b"a", b"b", b"c"]
    assert max(rounds) == 1


async def test_a_client_that_reads_too_slowly_times_out() -> None:
    async def pieces() -> AsyncGenerator[bytes, None]:
        for _ in range(3):
            yield b"piece"

    in_time = [piece async for piece in read_in_time(pieces())]
    assert in_time == 3 * [b"piece"]
    slow = read_in_time(pieces(), s_min=-1, octets_a_s=10)
    assert await anext(slow) == b"piece"
    with pytest.raises(TimeoutError, match="too slowly"):
        await anext(slow)


HEAD = encode_list_head(SERVICE, Revision(42), continue_token="later", remaining=3)  # noqa: S106  a page, not a secret
QUOTED = 'a "quote"\n    and a line, ümläut: [yes, 012]'


def asking(*, accept: str = "*/*", query: str = "") -> Request:
    headers = [(b"accept", accept.encode())]
    return Request({"type": "http", "headers": headers, "query_string": query.encode()})


@pytest.mark.parametrize("counts", [(), (1,), (2,), (2, 1), (1, 1, 3)])
def test_pieces_make_up_the_whole(counts: tuple[int, ...]) -> None:
    pieces = [
        [
            encode_bytes(a_service(f"s{piece}-{number}", annotations={"a": QUOTED}))
            for number in range(count)
        ]
        for piece, count in enumerate(counts)
    ]
    items = [json.loads(body) for piece in pieces for body in piece]
    plain, pretty, yaml = (
        list_form(request)
        for request in (asking(), asking(query="pretty=true"), asking(accept=YAML))
    )
    document = {**json.loads(HEAD), "items": items}
    written = b"".join(plain.write(HEAD, pieces))
    assert json.loads(written) == document
    assert b"".join(pretty.write(HEAD, pieces)) == indented(written)
    assert b"".join(yaml.write(HEAD, pieces)) == encoded(document, YAML)


def test_no_piece_is_empty_because_an_empty_piece_ends_a_list() -> None:
    for request in (asking(), asking(query="pretty=1"), asking(accept=YAML)):
        assert all(list_form(request).write(HEAD, [])), "whatever the form"


FOR_A_MOMENT = {"timeoutSeconds": "1"}


def refusal(answer: httpx.Response) -> tuple[int, str, list[tuple[str, str]]]:
    status = answer.json()
    causes = [(cause["field"], cause["reason"]) for cause in status["details"]["causes"]]
    return answer.status_code, status["reason"], causes


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ({"resourceVersionMatch": "Exact"}, ["resourceVersionMatch"]),
        ({"resourceVersionMatch": "NotOlderThan"}, ["resourceVersionMatch"]),
        ({"resourceVersionMatch": "Exact", "resourceVersion": "0"}, ["resourceVersionMatch"]),
        (
            {"resourceVersionMatch": "Exact", "resourceVersion": "1", "continue": "x"},
            ["resourceVersionMatch"],
        ),
        ({"sendInitialEvents": "true"}, ["sendInitialEvents"]),
        (
            {"sendInitialEvents": "false", "resourceVersionMatch": "Exact"},
            ["sendInitialEvents", "resourceVersionMatch"],
        ),
        ({"watch": "true", "resourceVersionMatch": "NotOlderThan"}, ["resourceVersionMatch"]),
        (
            {"watch": "true", "resourceVersionMatch": "Exact", "sendInitialEvents": "true"},
            ["resourceVersionMatch"],
        ),
    ],
)
async def test_contradictions_are_told_all_at_once(
    api: httpx.AsyncClient, query: dict[str, str], fields: list[str]
) -> None:
    answer = await api.get("/services", params={**FOR_A_MOMENT, **query})
    causes = [(field, "FieldValueForbidden") for field in fields]
    assert refusal(answer) == (422, "Invalid", causes)
    assert answer.json()["details"]["kind"] == "ListOptions"


async def test_a_streaming_list_is_asked_for_as_clients_do(api: httpx.AsyncClient) -> None:
    query = {"watch": "true", "sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
    assert (await api.get("/services", params={**FOR_A_MOMENT, **query})).is_success


@pytest.mark.parametrize("revision", ["abc", "-1", "1.0", "9" * 40, "١"])  # noqa: RUF001
@pytest.mark.parametrize("path", ["/services", "/services/default/ent", "/clusterips"])
async def test_what_is_no_revision_is_not_read_at(
    api: httpx.AsyncClient, path: str, revision: str
) -> None:
    answer = await api.get(path, params={"resourceVersion": revision})
    causes = [("resourceVersion", "FieldValueInvalid")]
    assert refusal(answer) == (400, "BadRequest", causes)


@pytest.mark.parametrize("path", ["/services?watch=true", "/watch"])
async def test_a_stream_does_not_begin_at_what_is_no_revision(
    api: httpx.AsyncClient, path: str
) -> None:
    url = httpx.URL(path).copy_merge_params(FOR_A_MOMENT)
    causes = [("resourceVersion", "FieldValueInvalid")]
    begun = await api.get(url.copy_merge_params({"resourceVersion": "abc"}))
    assert refusal(begun) == (422, "Invalid", causes)
    resumed = await api.get(url, headers={"last-event-id": "abc"})
    assert refusal(resumed) == (422, "Invalid", [("Last-Event-ID", "FieldValueInvalid")])


@pytest.mark.parametrize(
    ("method", "query", "field", "kind"),
    [
        ("GET", {"resourceVersionMatch": "No"}, "resourceVersionMatch", "ListOptions"),
        ("POST", {"fieldValidation": "strict"}, "fieldValidation", "WriteOptions"),
    ],
)
async def test_words_outside_a_closed_vocabulary_are_invalid(
    api: httpx.AsyncClient, method: str, query: dict[str, str], field: str, kind: str
) -> None:
    answer = await api.request(method, "/services", params=query, json={})
    assert refusal(answer) == (422, "Invalid", [(field, "FieldValueNotSupported")])
    assert answer.json()["details"]["kind"] == kind


async def test_parameters_that_cannot_be_read_are_a_bad_request(api: httpx.AsyncClient) -> None:
    answer = await api.get("/services", params={"limit": "x", "resourceVersionMatch": "No"})
    causes = [("limit", "FieldValueInvalid"), ("resourceVersionMatch", "FieldValueNotSupported")]
    assert refusal(answer) == (400, "BadRequest", causes)
    missing = await api.get("/resolve")
    assert refusal(missing) == (400, "BadRequest", [("name", "FieldValueRequired")])
