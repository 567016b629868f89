"""How the processes of a registry are reached, by each of its clients.

    URLs -> Access -> httpx client

What every request needs belongs here, such as a token and certificates.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final

import httpx

from app.client.errors import InvalidURL

KEPT_S_MAX: Final = 3.0  # an idle connection; servers close theirs after five seconds or more


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The processes of one registry, and how they are reached; ``access_to`` makes one."""

    urls: tuple[str, ...]
    """Without a slash at the end; the first is asked first."""
    uses_proxies: bool = False
    """Whether the environment may name a proxy: one for the outside world knows no cluster."""


def access_to(urls: Iterable[str], *, uses_proxies: bool = False) -> Access:
    """Check URLs; raises InvalidURL for one that is none, and when there is none."""
    checked = tuple(map(_checked, urls))
    if not checked:
        raise InvalidURL("the address of a registry is needed")
    return Access(urls=checked, uses_proxies=uses_proxies)


def http_client(
    access: Access, transport: httpx.AsyncBaseTransport | None = None
) -> httpx.AsyncClient:
    """Make the client that requests are sent with; ``transport`` replaces the network in tests."""
    return httpx.AsyncClient(
        transport=transport,
        limits=httpx.Limits(keepalive_expiry=KEPT_S_MAX),
        cookies=no_cookies(),
        trust_env=access.uses_proxies,
    )


def no_cookies() -> CookieJar:
    """Make a jar that stays empty: cookies of others would pile up, and none is needed."""
    return CookieJar(DefaultCookiePolicy(netscape=False, rfc2965=False))


def _checked(url: str) -> str:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise InvalidURL(f"{url} is not a URL: {error}") from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise InvalidURL(f"{url} is not an address such as http://127.0.0.1:8053")
    return url.rstrip("/")
