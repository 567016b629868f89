"""A list written in pieces equals one written at once."""

import json

import pytest
from fastapi import Request

from app.api.http.content_negotiation import YAML, encoded, indented
from app.api.objects.list_forms import list_form
from app.domain.names import Revision
from app.domain.objects.service import SERVICE
from app.schemas.objects.codec import encode_bytes
from app.schemas.objects.lists import encode_list_head
from tests.builders import a_service

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
