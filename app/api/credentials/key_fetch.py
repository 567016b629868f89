"""Key sets over HTTPS: the discovery document of an issuer, then the keys that it names.

    Issuer -> GET discovery -> jwks_uri -> GET -> FetchedKeys

An issuer chooses where its keys are, so its answer must not make this server read from networks
that only this server reaches: every name is resolved here, addresses that are not public are
refused, and the connection goes to the address that was checked.  Hosts that the operator has
configured may be anywhere.  Redirects are not followed, and size and time are bounded.

Source: spec access 1.3; OpenID Connect Discovery 1.0 section 4; RFC 9111 section 5.2.2.1.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import IPv6Address
from typing import Final, cast

import httpx

from app.api.credentials.claims import Issuer
from app.api.credentials.jwt import KeySet, parse_key_set
from app.domain.addresses import Address, parse_address
from app.domain.errors import BadRequest
from app.schemas.documents.json_text import read_json

FETCH_S_MAX: Final = 10.0  # for both documents
ADDRESSES_MAX: Final = 4  # of a host, tried one after the other
_CONNECT_S_MAX: Final = 2.0  # to each of them
DOCUMENT_OCTETS_MAX: Final = 1_048_576
AGE_S_MIN, AGE_S_MAX = 300, 3_600  # bounds of an answer's max-age
_HTTPS_PORT: Final = 443
_WELL_KNOWN: Final = "/.well-known/openid-configuration"
_MAX_AGE: Final = re.compile(r"(?:^|[\s,])max-age=\"?(?P<seconds>[0-9]{1,9})", re.IGNORECASE)

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port to addresses, in the order in which they are tried."""


class FetchError(Exception):
    """The keys of an issuer cannot be read; the message is for the operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedKeys:
    """A key set, and for how long it is to be kept."""

    keys: KeySet
    age_s_max: int


async def system_resolve(host: str, port: int) -> Sequence[str]:
    """Resolve a name as the system does."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class KeyFetcher:
    """Fetches the keys of one issuer."""

    def __init__(
        self,
        issuer: Issuer,
        *,
        resolve: Resolve = system_resolve,
        fetch_s_max: float = FETCH_S_MAX,
    ) -> None:
        """Trust the issuer's own certificate authority, or else those of the system.

        Raises ssl.SSLError when that authority is none.
        """
        self._issuer = issuer
        self._resolve = resolve
        self._fetch_s_max = fetch_s_max
        self._discovery = issuer.discovery_url or issuer.url.rstrip("/") + _WELL_KNOWN
        self._own_hosts = {httpx.URL(url).host for url in (issuer.url, self._discovery)}
        self._trust = ssl.create_default_context(cadata=issuer.certificate_authority or None)

    async def fetch(self) -> FetchedKeys:
        """Fetch both documents; raises FetchError."""
        try:
            async with asyncio.timeout(self._fetch_s_max):
                return await self._fetch()
        except TimeoutError as error:
            words = f"{self._issuer.url} took more than {self._fetch_s_max:g} s"
            raise FetchError(words) from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            raise FetchError(f"{self._issuer.url}: {error or type(error).__name__}") from error

    async def _fetch(self) -> FetchedKeys:
        async with httpx.AsyncClient(
            verify=self._trust,
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(self._fetch_s_max, connect=_CONNECT_S_MAX),
        ) as client:
            document, _ = await self._get(client, self._discovery)
            octets, age_s_max = await self._get(client, self._keys_url(document))
        return FetchedKeys(keys=parse_key_set(octets), age_s_max=age_s_max)

    def _keys_url(self, octets: bytes) -> str:
        """Read where the keys are from a discovery document of this very issuer."""
        try:
            value = read_json(octets.decode()).value
        except BadRequest as error:
            raise FetchError(f"the discovery document is not JSON: {error}") from error
        document = cast("Mapping[str, object]", value if isinstance(value, dict) else {})
        if document.get("issuer") != self._issuer.url:
            raise FetchError(f"the discovery document is not that of {self._issuer.url}")
        url = document.get("jwks_uri")
        if not isinstance(url, str):
            raise FetchError("the discovery document has no jwks_uri")
        return url

    async def _get(self, client: httpx.AsyncClient, text: str) -> tuple[bytes, int]:
        """Get a document, and for how many seconds it may be kept."""
        url = httpx.URL(text)
        if url.scheme != "https" or not url.host:
            raise FetchError(f"{text!r} is no https URL")
        answer = await self._sent(client, url)
        try:
            if answer.status_code != HTTPStatus.OK:
                raise FetchError(f"{text} answers {answer.status_code}")
            body = bytearray()
            async for piece in answer.aiter_raw():
                body += piece
                if len(body) > DOCUMENT_OCTETS_MAX:
                    raise FetchError(f"{text} has more than {DOCUMENT_OCTETS_MAX} octets")
        finally:
            await answer.aclose()
        return bytes(body), _age_of(answer.headers)

    async def _sent(self, client: httpx.AsyncClient, url: httpx.URL) -> httpx.Response:
        """Send a request to the first address that can be connected to."""
        last: httpx.HTTPError | None = None
        for address in await self._addresses_of(url):
            request = client.build_request(
                "GET",
                url.copy_with(host=address),
                headers={"host": url.netloc.decode(), "accept-encoding": "identity"},
                extensions={"sni_hostname": url.host},
            )
            try:
                return await client.send(request, stream=True)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                last = error
        if last is not None:
            raise last
        raise FetchError(f"{url.host} has no public address, and is not the issuer's own host")

    async def _addresses_of(self, url: httpx.URL) -> Sequence[str]:
        """Resolve the host, and keep the addresses that may be connected to."""
        addresses = await self._resolve(url.host, url.port or _HTTPS_PORT)
        is_own = url.host in self._own_hosts
        allowed = [text for text in dict.fromkeys(addresses) if is_own or _is_public(text)]
        return allowed[:ADDRESSES_MAX]


def _is_public(text: str) -> bool:
    address: Address | None = parse_address(text)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address is not None and address.is_global and not address.is_multicast


def _age_of(headers: httpx.Headers) -> int:
    found = _MAX_AGE.search(headers.get("cache-control", ""))
    return min(max(int(found["seconds"]) if found else 0, AGE_S_MIN), AGE_S_MAX)
