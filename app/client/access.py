"""Access to the processes of a registry, for all clients.

    URLs -> Access -> httpx client

Everything that all requests need belongs here, such as credentials.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final

import httpx

from app.client.credentials import Credentials, require_private
from app.client.errors import InvalidURL

KEPT_S_MAX: Final = 3.0  # of an idle connection; servers close theirs after at least five seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The URLs of one registry's processes; made by ``access_to``."""

    urls: tuple[str, ...]
    """Without a slash at the end; the first is asked first."""
    uses_proxies: bool = False
    """Whether to use the environment's proxy, which usually cannot reach a cluster."""
    credentials: Credentials | None = None


def access_to(
    urls: Iterable[str], *, uses_proxies: bool = False, credentials: Credentials | None = None
) -> Access:
    """Check URLs; raises InvalidURL for an invalid one, and when there is none.

    Where there are credentials, also for one to which they would go in the clear.
    """
    checked = tuple(map(_checked, urls))
    if not checked:
        raise InvalidURL("the address of a registry is needed")
    if credentials:
        require_private(checked)
    return Access(urls=checked, uses_proxies=uses_proxies, credentials=credentials)


def http_client(
    access: Access, transport: httpx.AsyncBaseTransport | None = None
) -> httpx.AsyncClient:
    """Make the HTTP client; ``transport`` replaces the network in tests."""
    return httpx.AsyncClient(
        transport=transport,
        auth=access.credentials,
        limits=httpx.Limits(keepalive_expiry=KEPT_S_MAX),
        cookies=no_cookies(),
        trust_env=access.uses_proxies,
    )


def no_cookies() -> CookieJar:
    """Make a jar that stays empty: servers' cookies would accumulate, and none is needed."""
    return CookieJar(DefaultCookiePolicy(netscape=False, rfc2965=False))


def _checked(url: str) -> str:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise InvalidURL(f"{url} is not a URL: {error}") from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise InvalidURL(f"{url} is not an address such as http://127.0.0.1:8053")
    return url.rstrip("/")
