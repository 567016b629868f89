import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.discovery.resolvers.local_names import (
    addresses_in_hosts,
    alias_of,
    aton_literal,
    escaped_name,
    is_glibc_host_name,
    raw_name,
    strict_literal,
)

HOSTS = (
    "127.0.0.1 localhost\n# 192.0.2.9 gone\n192.0.2.1 Web web.test # main\nfd00::1 web\nbad web\n"
)


@pytest.mark.parametrize(
    ("name", "aton", "strict"),
    [
        ("192.0.2.7", "192.0.2.7", "192.0.2.7"),
        ("10.1", "10.0.0.1", None),
        ("10.1.2", "10.1.0.2", None),
        ("123", "0.0.0.123", None),
        ("0x7f.1", "127.0.0.1", None),
        ("010.0.0.1", "8.0.0.1", None),
        ("256.1.1.1", None, None),
        ("4294967296", None, None),
        ("1.2.3.4.5", None, None),
        ("192.0.2.7.", None, None),
        ("2001:db8::7", "2001:db8::7", "2001:db8::7"),
        ("web", None, None),
        ("", None, None),
    ],
)
def test_literals_are_read(name: str, aton: str | None, strict: str | None) -> None:
    assert (aton_literal(name), strict_literal(name)) == (aton, strict)


def test_the_hosts_file_is_matched_literally() -> None:
    assert addresses_in_hosts(HOSTS, "WEB") == ("192.0.2.1", "fd00::1")
    assert addresses_in_hosts(HOSTS, "web.test") == ("192.0.2.1",)
    assert addresses_in_hosts(HOSTS, "gone") == ()


def test_an_alias_stands_for_a_name_without_a_dot() -> None:
    aliases = "x real.example.net\nz.dot real.example.net\n\nbroken\n"
    assert alias_of(aliases, "X") == "real.example.net"
    assert alias_of(aliases, "z.dot") is None
    assert alias_of(aliases, "y") is None


@pytest.mark.parametrize(
    ("text", "raw", "escaped"),
    [
        ("a.b", "a.b.", "a.b."),
        ("a.b.", "a.b.", "a.b."),
        (".", ".", "."),
        ("", None, None),
        ("a..b", None, None),
        (".a", None, None),
        (r"a\.b", r"a\\.b.", r"a\.b."),
        ("a b", r"a\032b.", r"a\032b."),
        ("ü", r"\195\188.", r"\195\188."),
        ("a" * 64, None, None),
    ],
)
def test_names_are_split_at_dots(text: str, raw: str | None, escaped: str | None) -> None:
    cut = [raw_name(text), escaped_name(text)]
    assert [None if name is None else str(name) for name in cut] == [raw, escaped]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("web", True),
        ("_web.a-b", True),
        ("y.-x", True),
        ("web.", True),
        (".", True),
        ("-x", False),
        ("*.x", False),
        ("a b", False),
        ("x..y", False),
        ("", False),
        ("a" * 64, False),
        (".".join(["a" * 49] * 5 + ["bbb"]), True),
        (".".join(["a" * 49] * 5 + ["bbbb"]), False),
    ],
)
def test_glibc_asks_for_host_names_only(name: str, expected: bool) -> None:  # noqa: FBT001
    assert is_glibc_host_name(name) is expected


@given(st.ip_addresses(v=4).map(str))
def test_every_address_in_full_form_is_a_literal_for_all(address: str) -> None:
    assert aton_literal(address) == strict_literal(address) == address
