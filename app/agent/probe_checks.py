"""Runs one probe once: an HTTP request, a TCP connection, or a gRPC health check.

    Target -> "" on success, else the problem, in the same words each time

Thresholds are not known here.  Answers are read no further than needed, so that a Pod
cannot fill the prober's memory.
Source: contract.md, "Objects"; the gRPC health checking protocol.
"""

import asyncio
import os
from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import httpx

from app.agent.grpc_health import ask_health
from app.domain.objects.pod import Container, GRPCAction, HTTPGetAction, Probe
from app.domain.registration.health.probe_destinations import NotAllowed, ProbeDestinations
from waypost.client.http.bounded_reading import no_cookies

USER_AGENT: Final = "waypost-probe"
REDIRECTS_MAX: Final = 10  # as the kubelet


@dataclass(frozen=True, slots=True)
class Target:
    """A container's probe and the addresses of its Pod."""

    addresses: Sequence[str]
    container: Container
    probe: Probe


class ProbeChecks(AbstractAsyncContextManager["ProbeChecks"]):
    """Runs probes; an async context manager for their shared HTTP client."""

    def __init__(self, other_hosts: Iterable[str] = ()) -> None:
        """Probe Pods, and hosts in ``other_hosts``; raises ValueError for an invalid entry."""
        self._destinations = ProbeDestinations(other_hosts)
        self._http = httpx.AsyncClient(
            # As the kubelet: a probe checks that a server answers, not its identity.
            verify=False,  # noqa: S501
            trust_env=False,
            timeout=None,  # noqa: S113  each probe is bounded as a whole
            cookies=no_cookies(),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
            headers={"User-Agent": USER_AGENT, "Accept": "*/*", "Connection": "close"},
        )

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def check(self, target: Target) -> str:
        """Run a probe; return the problem, empty on success."""
        timeout_s = target.probe.timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                return await self._run(target)
        except TimeoutError:
            return f"no answer within {timeout_s} s"
        except NotAllowed as refusal:
            return str(refusal)

    async def _run(self, target: Target) -> str:
        probe = target.probe
        if probe.grpc is not None:
            return await self._ask_health(probe.grpc, target)
        action = probe.http_get or probe.tcp_socket
        if action is None:
            return "the probe has no action"
        port = _port(target.container, action.port)
        if port is None:
            return f"no container port is named {action.port}"
        host = self._destinations.of(action.host, target.addresses)
        if isinstance(action, HTTPGetAction):
            return await self._get(action, host, port)
        return await _connect(host, port)

    async def _get(self, action: HTTPGetAction, host: str, port: int) -> str:
        shown_host = f"[{host}]" if ":" in host else host
        scheme = action.scheme.lower()
        url = f"{scheme}://{shown_host}:{port}/{action.path.removeprefix('/')}"
        try:
            request = self._http.build_request("GET", url, headers=list(action.headers))
            status = await self._status_of(request)
        except httpx.ConnectError:
            return f"cannot connect to {host} port {port}"
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, ValueError) as error:
            return f"no HTTP from {host} port {port}: {type(error).__name__}"
        if status is None:
            return f"more than {REDIRECTS_MAX} redirects from {url}"
        if HTTPStatus.OK <= status < HTTPStatus.BAD_REQUEST:
            return ""
        return f"HTTP {status} from {url}"

    async def _status_of(self, request: httpx.Request) -> int | None:
        """Follow redirects as the kubelet does; None when there are too many.

        A redirect to another host is not followed; it is the answer, and a success.
        """
        for _ in range(1 + REDIRECTS_MAX):
            answer = await self._http.send(request, stream=True)
            await answer.aclose()  # the body is never read
            following = answer.next_request
            if following is None or following.url.host != request.url.host:
                return answer.status_code
            request = following
        return None

    async def _ask_health(self, action: GRPCAction, target: Target) -> str:
        host = self._destinations.of("", target.addresses)
        try:
            return await ask_health(host, action.port, action.service, user_agent=USER_AGENT)
        except OSError as error:
            return _unreachable(host, action.port, error)


async def _connect(host: str, port: int) -> str:
    try:
        _, writer = await asyncio.open_connection(host, port)
    except (OSError, UnicodeError) as error:
        return _unreachable(host, port, error)
    writer.transport.abort()  # nothing is read: an open connection is enough
    return ""


def _port(container: Container, port: int | str) -> int | None:
    if isinstance(port, int):
        return port
    named = (entry.container_port for entry in container.ports if entry.name == port)
    return next(named, None)


def _unreachable(host: str, port: int, error: OSError | UnicodeError) -> str:
    why = f": {os.strerror(error.errno)}" if isinstance(error, OSError) and error.errno else ""
    return f"cannot connect to {host} port {port}{why}"
