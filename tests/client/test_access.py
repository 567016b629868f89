"""Access to a registry: URLs, no cookies, no proxies by default."""

import pytest

from app.client.access import access_to
from app.client.errors import InvalidURL, RegistryUnreachable
from app.client.registry_client import RegistryClient
from tests.client.hostile_servers import hostile, whole


@pytest.mark.parametrize(
    "url", ["", "waypost:8053", "127.0.0.1:8053", "ftp://waypost", "http://", "http://[::1"]
)
def test_an_invalid_url_is_refused(url: str) -> None:
    with pytest.raises(InvalidURL, match=r"not a URL|not an address"):
        access_to(["http://127.0.0.1:8053", url])


def test_an_empty_list_of_urls_is_refused() -> None:
    with pytest.raises(InvalidURL, match="address"):
        access_to([])


def test_a_url_may_end_in_a_slash_and_have_a_path() -> None:
    assert access_to(["http://a/", "https://b/waypost/"]).urls == ("http://a", "https://b/waypost")


async def test_cookies_are_not_kept() -> None:
    async with (
        hostile(whole(b"{}", "Set-Cookie: a=b")) as server,
        RegistryClient(access_to([server.url])) as client,
    ):
        await client.ask("GET", "/")
        await client.ask("GET", "/")
    assert not any(b"cookie:" in request.lower() for request in server.requests)


async def test_a_proxy_of_the_environment_is_used_only_on_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "")
    async with hostile(whole(b"{}")) as server:
        async with RegistryClient(access_to([server.url])) as client:
            assert await client.ask("GET", "/") == {}
        async with RegistryClient(access_to([server.url], uses_proxies=True)) as client:
            with pytest.raises(RegistryUnreachable):
                await client.ask("GET", "/")
