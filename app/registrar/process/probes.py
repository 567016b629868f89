"""The readiness of a command: what is asked of it, how often, and what is reported.

    http:/healthz, tcp:5000, exec:CMD -> Probe
    result, result, … -> Standing -> the Ready condition, whenever it changes

Thresholds and checks are those of the agent's prober; a command is run here, where it can be.
"""

import asyncio
import os
import shlex
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final, Protocol

from app.agent.probe_checks import ProbeChecks, Target
from app.domain.objects.pod import Container, ExecAction, HTTPGetAction, Probe, TCPSocketAction
from app.domain.registration.health.readiness import (
    PROBE_FAILED,
    PROBE_SUCCEEDED,
    Standing,
    after,
)
from app.registrar.process.children import Children
from waypost.client.pace import Clock

STARTING_S: Final = 0.5  # between two probes of a command that has not been ready yet

Check = Callable[[], Awaitable[str]]
"""Asks once; gives the problem, in the same words each time, and nothing on success."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbePace:
    """How often a probe runs, and how many failures in a row count."""

    period_s: int = 10
    timeout_s: int = 1
    failures: int = 3


def parse_probe(text: str, port: int | None, pace: ProbePace) -> Probe:
    """Read a probe; ``port`` is asked where the text names none.  Raises ValueError."""
    scheme, colon, rest = text.partition(":")
    if scheme == "exec" and colon:
        command = tuple(shlex.split(rest))
        if not command:
            raise ValueError(f"{text}: a command is missing, as in exec:pg_isready")
        return _probe(pace, exec=ExecAction(command=command))
    if scheme == "tcp":
        return _probe(pace, tcp_socket=TCPSocketAction(port=_port(text, rest, port)))
    if scheme in ("http", "https") and colon:
        number, slash, path = rest.partition("/")
        action = HTTPGetAction(
            port=_port(text, number, port), path=f"{slash}{path}" or "/", scheme=scheme.upper()
        )
        return _probe(pace, http_get=action)
    raise ValueError(f"{text} is no probe such as http:/healthz, tcp:5000 or exec:pg_isready")


def _probe(
    pace: ProbePace,
    *,
    exec: ExecAction | None = None,  # noqa: A002  the word of the field
    http_get: HTTPGetAction | None = None,
    tcp_socket: TCPSocketAction | None = None,
) -> Probe:
    return Probe(
        exec=exec,
        http_get=http_get,
        tcp_socket=tcp_socket,
        period_s=pace.period_s,
        timeout_s=pace.timeout_s,
        failure_threshold=pace.failures,
    )


def _port(text: str, given: str, otherwise: int | None) -> int:
    if not given and otherwise is not None:
        return otherwise
    if not given.isdecimal() or not 0 < int(given) <= 0xFFFF:  # noqa: PLR2004  the largest port
        raise ValueError(f"{text}: {given or 'nothing'} is no port, and --port is not given")
    return int(given)


class Reporting(Protocol):
    """Takes the Ready condition of a command."""

    async def report(self, ready: Mapping[str, str]) -> None:
        """Take ``status``, ``reason`` and ``message``; never raises."""
        ...


def condition_of(standing: Standing) -> dict[str, str]:
    """Give the Ready condition that a probe's results amount to."""
    if standing.is_passing:
        return {"status": "True", "reason": PROBE_SUCCEEDED, "message": ""}
    return {"status": "False", "reason": PROBE_FAILED, "message": standing.words}


async def keep_probing(probe: Probe, check: Check, reporting: Reporting, clock: Clock) -> None:
    """Probe a command that is not ready until cancelled, and report each change."""
    standing, has_passed = Standing(), False
    while True:
        before, standing = standing, after(standing, await check(), probe)
        if condition_of(standing) != condition_of(before):
            await reporting.report(condition_of(standing))
        has_passed = has_passed or standing.is_passing
        await clock.sleep(probe.period_s if has_passed else min(STARTING_S, probe.period_s))


async def checking(
    probe: Probe, addresses: Sequence[str], children: Children, stack: AsyncExitStack
) -> Check:
    """Make the check of a probe of a command at ``addresses``; the stack closes it."""
    action = probe.exec
    if action is not None:
        return lambda: _run(action.command, probe.timeout_s, children)
    checks = await stack.enter_async_context(ProbeChecks(addresses))
    target = Target(addresses, Container(), probe)
    return lambda: checks.check(target)


async def _run(command: Sequence[str], timeout_s: int, children: Children) -> str:
    try:
        child = children.start(command, has_own_group=True, is_quiet=True)
    except OSError as error:
        return f"cannot run {command[0]}: {os.strerror(error.errno or 0)}"
    try:
        async with asyncio.timeout(timeout_s):
            code = await asyncio.shield(child.ended)
    except TimeoutError:
        return f"{command[0]} did not end within {timeout_s} s"
    finally:
        child.kill_group()  # also what it has left behind
    return f"{command[0]} ended with {code}" if code else ""
