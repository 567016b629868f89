"""Allowed hosts, and origins of pages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.schemas.authorities import (
    Authority,
    HostNames,
    Origin,
    parse_authority,
    parse_host_pattern,
    parse_origin,
)

LISTED = HostNames.of(map(parse_host_pattern, ("Registry.", "*.waypost.example", "my_api")))
labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)


def known(host: bytes) -> bool:
    authority = parse_authority(host)
    return authority is not None and LISTED.know(authority)


@pytest.mark.parametrize(
    ("octets", "authority"),
    [
        (b"waypost", Authority("waypost")),
        (b"WayPost.Example.:8053", Authority("waypost.example", 8053)),
        (b"127.0.0.1:80", Authority("127.0.0.1", 80, is_address=True)),
        (b"127.0.0.1.", Authority("127.0.0.1", is_address=True)),
        (b"[::1]:8053", Authority("::1", 8053, is_address=True)),
        (b"[0:0::0001]", Authority("::1", is_address=True)),
        (b"[fe80::1%25eth0]", Authority("fe80::1%25eth0", is_address=True)),
        (b"waypost:", Authority("waypost")),
        (b"", Authority("")),
        (b"127.1", Authority("127.1")),
        (b"0x7f.0.0.1", Authority("0x7f.0.0.1")),
        (b"127.0.0.01", Authority("127.0.0.01")),
    ],
)
def test_an_authority_is_a_host_and_perhaps_a_port(octets: bytes, authority: Authority) -> None:
    assert parse_authority(octets) == authority


@pytest.mark.parametrize(
    "octets",
    [
        b"::1",
        b"[::1",
        b"[::1]]",
        b"[127.0.0.1]",
        b"[waypost]",
        b"a:b",
        b"a:80:80",
        b"a:65536",
        b"a:999999",
        b"me@localhost",
        b"a b",
        b"a,b/",
        b"localhost/",
        b"localhost\x00",
        b"localhost\n",
        b"\xff",
        "bücher".encode(),
    ],
)
def test_other_octets_are_not_an_authority(octets: bytes) -> None:
    assert parse_authority(octets) is None


@given(st.binary(max_size=80))
def test_any_octets_are_an_authority_or_none_and_allowed_only_by_address_or_name(
    octets: bytes,
) -> None:
    authority = parse_authority(octets)
    if authority is not None and LISTED.know(authority):
        ends = ("localhost", ".waypost.example")
        assert (
            authority.is_address
            or authority.host in {"registry", "my_api"}
            or authority.host.endswith(ends)
        )


@pytest.mark.parametrize(
    "host",
    [
        b"localhost",
        b"LOCALHOST.:1",
        b"a.localhost",
        b"a.b.Localhost.",
        b"registry:8053",
        b"REGISTRY.",
        b"my_api",
        b"a.waypost.example",
        b"a.b.waypost.example.:9",
        b"10.0.0.1",
        b"[2001:db8::1]:8053",
    ],
)
def test_addresses_localhost_and_listed_names_are_allowed(host: bytes) -> None:
    assert known(host)


@pytest.mark.parametrize(
    "host",
    [
        b"",
        b"evil.example",
        b"waypost.example",
        b".waypost.example",
        b"evilwaypost.example",
        b"a.waypost.example.evil.example",
        b"localhost.evil.example",
        b"evil-localhost",
        b".localhost",
        b"localhost..",
        b"registry.evil.example",
        b"a.registry",
        b"127.1",
        b"0x7f000001",
        b"2130706433",
        b"127.0.0.1.nip.io",
        b"*.waypost.example.",
    ],
)
def test_every_other_host_is_not_allowed(host: bytes) -> None:
    # The last one is the text of the pattern, which no browser can send as a host.
    assert not known(host) or host.startswith(b"*")


@given(labels, labels)
def test_a_pattern_for_names_below_a_suffix_is_not_the_suffix(label: str, suffix: str) -> None:
    names = HostNames.of([parse_host_pattern(f"*.{suffix}.test")])
    assert names.know(Authority(f"{label}.{suffix}.test"))
    assert not names.know(Authority(f"{suffix}.test"))
    assert not names.know(Authority(f"{label}{suffix}.test"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "*.",
        "a.*",
        "*a.example",
        "**.example",
        "a:80",
        "http://a",
        "a b",
        "a/b",
        "ä",
        "a..b",
    ],
)
def test_an_invalid_pattern_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no host"):
        parse_host_pattern(text)


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("http://localhost:8053", Origin("http", "localhost", 8053)),
        ("HTTPS://Waypost.Example", Origin("https", "waypost.example", 443)),
        ("http://waypost.example:80", Origin("http", "waypost.example", 80)),
        ("http://[::1]", Origin("http", "::1", 80)),
        ("app://x", Origin("app", "x", None)),
    ],
)
def test_an_origin_is_scheme_host_and_port(text: str, origin: Origin) -> None:
    assert parse_origin(text) == origin


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("HTTPS://Waypost.Example:443", "https://waypost.example"),
        ("http://waypost.example:443", "http://waypost.example:443"),
        ("http://[0:0::1]:8080", "http://[::1]:8080"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("app://x:5", "app://x:5"),
    ],
)
def test_an_origin_is_written_as_browsers_do(text: str, written: str) -> None:
    origin = parse_origin(text)
    assert str(origin) == written
    assert parse_origin(written) == origin


@pytest.mark.parametrize(
    "text",
    [
        "null",
        "",
        "http://",
        "http:///",
        "http://a/",
        "http://a b",
        "//a",
        "a",
        "http://me@a",
        "http://ä",
        "http://a http://b",
        "http://:80",
    ],
)
def test_other_text_is_not_an_origin(text: str) -> None:
    assert parse_origin(text) is None


@given(st.text(max_size=60))
def test_any_text_is_an_origin_or_none(text: str) -> None:
    origin = parse_origin(text)
    assert origin is None or origin.host
