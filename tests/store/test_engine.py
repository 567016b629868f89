"""Addresses of databases, and how several hosts are one."""

import pytest

from app.store.engine import parse_url


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("postgresql://h/waypost", ["postgresql://h/waypost"]),
        ("postgres://u:p@h:5433/w?sslmode=require", ["postgresql://u:p@h:5433/w?sslmode=require"]),
        ("postgresql+asyncpg://h/w", ["postgresql://h/w"]),
        ("postgresql://postgres:@/w?host=/run/pg", ["postgresql://postgres:@/w?host=/run/pg"]),
        (
            "postgresql://u:a,b@h1:5432,[::1]:5433,h3/w",
            [
                "postgresql://u:a,b@h1:5432/w",
                "postgresql://u:a,b@[::1]:5433/w",
                "postgresql://u:a,b@h3/w",
            ],
        ),
    ],
)
def test_an_address_is_read_host_by_host(text: str, hosts: list[str]) -> None:
    assert list(parse_url(text)) == hosts


@pytest.mark.parametrize("text", ["", "mysql://h/w", "h:5432/w"])
def test_what_is_no_postgresql_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="postgresql://"):
        parse_url(text)
