"""A probe is read from one word, runs at its pace, and reports each change once."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack

import pytest

from app.domain.objects.pod import ExecAction, HTTPGetAction, Probe, TCPSocketAction
from app.domain.registration.health.readiness import Standing
from app.registrar.process.children import Children
from app.registrar.process.probes import (
    STARTING_S,
    ProbePace,
    checking,
    condition_of,
    keep_probing,
    parse_probe,
)
from tests.client.fake_clock import FakeClock

PACE = ProbePace(period_s=10, timeout_s=2, failures=3)


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("http:/healthz", HTTPGetAction(port=5000, path="/healthz", scheme="HTTP")),
        ("http:", HTTPGetAction(port=5000, path="/", scheme="HTTP")),
        ("https:8443/a:b/c", HTTPGetAction(port=8443, path="/a:b/c", scheme="HTTPS")),
        ("tcp:", TCPSocketAction(port=5000)),
        ("tcp", TCPSocketAction(port=5000)),
        ("tcp:81", TCPSocketAction(port=81)),
        ("exec:pg_isready -h '/a b'", ExecAction(command=("pg_isready", "-h", "/a b"))),
    ],
)
def test_a_probe_is_read(text: str, action: object) -> None:
    probe = parse_probe(text, 5000, PACE)
    assert action in (probe.exec, probe.http_get, probe.tcp_socket)
    assert (probe.period_s, probe.timeout_s, probe.failure_threshold) == (10, 2, 3)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("grpc:1", "grpc:1 is no probe"),
        ("", "is no probe"),
        ("http", "http is no probe"),
        ("exec:", "a command is missing"),
        ("exec:'", "No closing quotation"),
        ("tcp:0", "0 is no port"),
        ("http:65536/", "65536 is no port"),
        ("tcp:", "nothing is no port, and --port is not given"),
    ],
)
def test_what_is_no_probe_is_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_probe(text, None, PACE)


class Reports:
    """Takes reports; ends the test's loop by the number of those that it is to get."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, str]] = []

    async def report(self, ready: Mapping[str, str]) -> None:
        self.taken.append((ready["status"], ready["message"]))


async def probed(*results: str) -> tuple[list[tuple[str, str]], list[float]]:
    """Probe with these results; gives the reports, and the pauses."""
    remaining, reports, clock = list(results), Reports(), FakeClock()

    async def check() -> str:
        if not remaining:
            raise asyncio.CancelledError
        return remaining.pop(0)

    with pytest.raises(asyncio.CancelledError):
        await keep_probing(parse_probe("tcp:1", None, PACE), check, reports, clock)
    return reports.taken, clock.slept_s


async def test_changes_alone_are_reported_and_failures_count_in_a_row() -> None:
    reports, _ = await probed("no", "no", "", "", "no", "no", "", "no", "no", "no", "no", "")
    assert reports == [("False", "no"), ("True", ""), ("False", "no"), ("True", "")]


async def test_a_command_that_starts_is_probed_more_often() -> None:
    _, pauses = await probed("no", "no", "", "no", "no", "no", "no")
    assert pauses == [STARTING_S] * 2 + [10] * 5


def test_a_condition_says_why() -> None:
    assert condition_of(Standing(words="it is late")) == {
        "status": "False",
        "reason": "ReadinessProbeFailed",
        "message": "it is late",
    }


async def check(probe: Probe, *addresses: str) -> str:
    children = Children()
    async with AsyncExitStack() as stack:
        stack.enter_context(children.reaping())
        return await (await checking(probe, addresses, children, stack))()


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("true", ""),
        ("sh -c 'exit 3'", "sh ended with 3"),
        ("/no/such", "cannot run /no/such: No such file or directory"),
        ("sleep 1000", "sleep did not end within 1 s"),
    ],
)
async def test_a_command_is_a_probe(command: str, problem: str) -> None:
    probe = parse_probe(f"exec:{command}", None, ProbePace(timeout_s=1))
    assert await check(probe, "127.0.0.1") == problem


async def test_the_address_of_the_command_is_probed_even_on_loopback() -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1")
    async with server:
        port: int = server.sockets[0].getsockname()[1]
        probe = parse_probe("tcp:", port, PACE)
        assert await check(probe, "127.0.0.1") == ""
    assert "Connection refused" in await check(probe, "127.0.0.1")
