"""The client of Python programs.

    async with Waypost() as waypost: resolve, get, list, watch, register, create, apply, …

Source: contract.md, "Routes".
"""

import logging
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

import httpx

from waypost.client.asking import Asker
from waypost.client.endpoints import Endpoint, lease_of, pod_of, ports_lacking, with_lease
from waypost.client.errors import Unauthorized, WaypostError
from waypost.client.http.answer import BOUNDS, Answer, Bounds
from waypost.client.http.answers import require_answered
from waypost.client.http.credentials import Credentials
from waypost.client.http.environment import (
    TOKEN_FILE_VARIABLE,
    TOKEN_VARIABLE,
    credentials_of_environment,
    urls_of,
    urls_of_environment,
)
from waypost.client.http.registry_client import RegistryClient, are_elsewhere, checked_url
from waypost.client.http.requests import Requests
from waypost.client.http.retries import ONCE, RETRIES, Retries
from waypost.client.leases import RENEWALS_PER_LEASE
from waypost.client.pace import CLOCK, Clock
from waypost.client.reading import Reader
from waypost.client.registration import PodRegistrar, Registered, keep_registered
from waypost.client.writing import Writer

_GIVE: Final = f"give token= or token_file=, or set {TOKEN_VARIABLE} or {TOKEN_FILE_VARIABLE}"
_RENEW: Final = "the token that was sent has expired, is revoked, or is another registry's"
_log: Final = logging.getLogger("waypost.client")


class Waypost(Reader, Writer, Asker, AbstractAsyncContextManager["Waypost"]):
    """A registry, reached over HTTP; every method raises WaypostError."""

    def __init__(  # noqa: PLR0913  each parameter is an option
        self,
        url: str | Iterable[str] | None = None,
        *,
        token: str | None = None,
        token_file: Path | str | None = None,
        retries: Retries = RETRIES,
        bounds: Bounds = BOUNDS,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Clock = CLOCK,
    ) -> None:
        """Reach the registry at ``url``; several, or with commas, are processes of one registry.

        What is not given comes from ``WAYPOST_API``, ``WAYPOST_TOKEN`` and
        ``WAYPOST_TOKEN_FILE``, as for the command line.  A file is read again when it changes.
        Raises InvalidURL, also for a URL to which a token would be sent unencrypted, and
        InvalidToken.  ``transport`` replaces the network.
        """
        urls = tuple(map(checked_url, _urls(url)))
        credentials = _credentials(token, token_file)
        self._client = RegistryClient(
            urls,
            credentials=credentials,
            uses_proxies=are_elsewhere(urls),
            transport=transport,
            bounds=bounds,
            check=partial(_check, credentials=credentials),
            logs_failures=False,
        )
        super().__init__(Requests(self._client, retries=retries, clock=clock))

    async def aclose(self) -> None:
        """Close the connections; watches and registrations must have ended."""
        await self._client.aclose()

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    @asynccontextmanager
    async def register(
        self, pod: Mapping[str, object] | Endpoint, *, grace_period_s: int = 0
    ) -> AsyncGenerator[Registered, None]:
        """Be registered as a Pod during the block, which begins when it is.

        An existing Pod of that name is taken over.  Heartbeats renew its lease, and a Pod that
        others delete is registered again; what fails meanwhile is logged, retried, and the
        ``problem`` of the result.  At the end the Pod is deleted, after ``grace_period_s`` in which
        it serves open connections, unless another process has registered it meanwhile.
        """
        if isinstance(pod, Endpoint):
            pod = await self._pod_of(pod)
        pod = with_lease(pod)
        heartbeat_s = lease_of(pod) / RENEWALS_PER_LEASE
        once = Requests(self._client, retries=ONCE)
        registrar = PodRegistrar(once, pod, grace_period_s=grace_period_s)
        requests = self._requests
        await requests.repeated(registrar.register, is_repeatable=True)
        async with keep_registered(
            registrar,
            failures=WaypostError,
            heartbeat_s=heartbeat_s,
            is_registered=True,
            clock=requests.clock,
        ) as registered:
            yield registered

    async def _pod_of(self, endpoint: Endpoint) -> dict[str, object]:
        service = await self.get("Service", endpoint.service, namespace=endpoint.namespace)
        if lacking := ports_lacking(endpoint, service):
            _log.warning(
                "the Service %s calls ports by names that its endpoint at %s does not state: %s",
                endpoint.service,
                endpoint.address,
                ", ".join(lacking),
            )
        return pod_of(endpoint, service)


def _urls(url: str | Iterable[str] | None) -> Iterable[str]:
    if url is None:
        return urls_of_environment()
    return urls_of(url) if isinstance(url, str) else url


def _credentials(token: str | None, token_file: Path | str | None) -> Credentials:
    if token is None and token_file is None:
        return credentials_of_environment()
    file = None if token_file is None else Path(token_file)
    if file is not None and not file.exists():
        _log.warning("%s does not exist: requests have no token until it does", file)
    return Credentials(token or "", file)


def _check(answer: Answer, *, credentials: Credentials) -> None:
    try:
        require_answered(answer, warn=_warn)
    except Unauthorized as refusal:
        problem = credentials.problem
        refusal.hint = f"no token was sent: {problem}; {_GIVE}" if problem else _RENEW
        raise


def _warn(warning: str) -> None:
    _log.warning("the registry warns: %s", warning)
