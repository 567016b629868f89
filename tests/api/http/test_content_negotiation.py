"""What a client's header fields of preferences mean."""

import pytest
from fastapi import Request

from app.api.http.content_negotiation import accepts_gzip, prefers_html


def asking(field: str, *values: str) -> Request:
    headers = [(field.encode(), value.encode()) for value in values]
    return Request({"type": "http", "headers": headers})


@pytest.mark.parametrize(
    ("values", "is_accepted"),
    [
        ([], False),
        ([""], False),
        (["gzip"], True),
        (["GZIP"], True),
        (["x-gzip"], True),
        (["gzip, deflate, br, zstd"], True),
        (["br", "gzip"], True),
        (["br, gzip;q=0.5"], True),
        (["gzip;q=0"], False),
        (["gzip;q=0.000, br"], False),
        (["gzip ; Q=0.001"], True),
        (["gzip; q = 1.0"], True),
        (["gzip;q=zero"], False),
        (["gzip;q=-1"], False),
        (["gzip;q="], False),
        (["*"], True),
        (["*;q=0"], False),
        (["gzip;q=0, *"], False),
        (["gzip, *;q=0"], True),
        (["identity"], False),
        (["identity, gzip;q=0.5"], False),
        (["identity;q=0.5, gzip"], True),
        (["identity;q=0.5, gzip;q=0.5"], True),
        (["identity;q=0, *"], True),
        (["gzipped, xgzip"], False),
        (["br"], False),
    ],
)
def test_gzip_is_accepted_as_its_quality_says(values: list[str], *, is_accepted: bool) -> None:
    assert accepts_gzip(asking("accept-encoding", *values).scope) == is_accepted


@pytest.mark.parametrize(
    ("value", "is_preferred"),
    [
        ("", False),
        ("*/*", False),
        ("text/*", False),
        ("text/html", True),
        ("text/html;q=0.9, */*;q=0.8", True),
        ("text/html;charset=utf-8;q=0.9, application/json;q=0.8", True),
        ("text/html, application/json", True),
        ("application/json, text/html;q=0.9", False),
        ("text/html;q=0.5, application/yaml", False),
        ("text/html;q=0", False),
    ],
)
def test_a_page_is_preferred_where_it_is_named(value: str, *, is_preferred: bool) -> None:
    assert prefers_html(asking("accept", value)) == is_preferred
