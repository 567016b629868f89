"""Which URLs are asked directly, and which are left to the other client."""

import pytest

from app.cli.http.target import Target, target_of


@pytest.mark.parametrize(
    ("url", "authority", "prefix"),
    [
        ("http://127.0.0.1:8053", "127.0.0.1:8053", ""),
        ("https://Waypost.example", "waypost.example", ""),
        ("http://waypost.example:80/base/", "waypost.example", "/base"),
        ("https://waypost.example:80", "waypost.example:80", ""),
        ("http://[2001:DB8::1]:8053", "[2001:db8::1]:8053", ""),
    ],
)
def test_a_plain_url_is_asked_directly(url: str, authority: str, prefix: str) -> None:
    target = target_of(url, {})
    assert target is not None
    assert (target.authority, target.prefix) == (authority, prefix)


@pytest.mark.parametrize(
    "url",
    [
        *("", "127.0.0.1:8053", "ftp://host", "http://", "http://a:b:c", "http://a:0"),
        *("http://a:65536", "http://user:word@host", "http://bücher.example", "http://a/b?c"),
        *("http://a b", "http://a\n", "http://a/é", "HTTP://a"),
    ],
)
def test_any_other_url_is_left_to_the_other_client(url: str) -> None:
    assert target_of(url, {}) is None


@pytest.mark.parametrize("name", ["http_proxy", "HTTPS_PROXY", "all_proxy", "no_proxy"])
def test_where_a_proxy_may_be_needed_the_other_client_finds_out(name: str) -> None:
    assert target_of("http://waypost.example", {name: "http://proxy"}) is None
    assert target_of("http://127.0.0.1:8053", {name: "http://proxy"}) is not None


def test_what_is_sent_to_this_machine_or_encrypted_is_private() -> None:
    def is_private(url: str) -> bool:
        target = target_of(url, {})
        assert isinstance(target, Target)
        return target.is_private

    assert is_private("http://localhost")
    assert is_private("https://192.0.2.1")
    assert not is_private("http://192.0.2.1")
