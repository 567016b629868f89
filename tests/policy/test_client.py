"""The process that evaluates expressions: answers, bounds, and its end."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import suppress

import psutil
import pytest

from app.policy.client import VARIABLES_OCTETS_MAX, Bounds, PolicyWorker
from app.policy.expressions import Environment, EvaluationError
from app.policy.suspensions import SUSPENDED_S, Suspensions

CLAIMS = Environment.CLAIMS
GENEROUS = Bounds(evaluation_s=60, check_s=60, wait_s=60, start_s=60)
# 6,000,000 numbers, of which a process of a quarter of a gibibyte cannot hold the half.
BOMB = "[1,2,3,4,5,6,7,8,9,10].map(a, [1,2,3,4,5,6,7,8,9,10].map(b, lists.range(60000)))"


@pytest.fixture
async def worker() -> AsyncGenerator[PolicyWorker]:
    async with PolicyWorker(GENEROUS) as worker:
        await worker.start()
        yield worker


async def evaluated(worker: PolicyWorker, text: str, **claims: object) -> object:
    (value,) = await worker.evaluate(CLAIMS, [text], {"claims": claims})
    return value


def children() -> list[psutil.Process]:
    """List the workers; what other tests have not waited for yet is none."""
    found: list[psutil.Process] = []
    for each in psutil.Process().children():
        with suppress(psutil.ZombieProcess, psutil.NoSuchProcess):
            if any("app.policy.worker" in word for word in each.cmdline()):
                found.append(each)
    return found


async def test_values_come_back_in_order(worker: PolicyWorker) -> None:
    values = await worker.evaluate(CLAIMS, ["claims.a", "claims.a + 1"], {"claims": {"a": 1}})
    assert values == [1, 2]
    assert await worker.evaluate(CLAIMS, [], {"claims": {}}) == []


async def test_verdicts_come_back_in_order(worker: PolicyWorker) -> None:
    good, bad = await worker.check(CLAIMS, ["claims.email == ''", "claims.("])
    assert (good.problem, good.type, good.selected) == ("", "BOOL", {("claims", "email")})
    assert bad.problem.startswith("compilation failed: ")


async def test_an_error_names_its_expression(worker: PolicyWorker) -> None:
    with pytest.raises(EvaluationError, match=r"expression 'claims\.b' resulted in error: .*b"):
        await evaluated(worker, "claims.b", a=1)
    assert await evaluated(worker, "1") == 1
    assert worker.kills == 0


async def test_many_at_once_get_their_own_answers(worker: PolicyWorker) -> None:
    asked = [evaluated(worker, "claims.n", n=number) for number in range(50)]
    assert await asyncio.gather(*asked) == [*range(50)]


async def test_one_process_serves_all_and_ends_with_its_owner() -> None:
    async with PolicyWorker(GENEROUS) as worker:
        assert children() == [], "nothing has been asked yet"
        await evaluated(worker, "1")
        (process,) = children()
        await evaluated(worker, "2")
        assert children() == [process]
        assert process.environ().keys() <= {"LC_CTYPE"}, "it inherits no setting"
        assert process.num_fds() == 3, "and no descriptor but its own"
    assert not process.is_running()


async def test_one_that_takes_too_long_is_killed_and_the_next_is_answered() -> None:
    async with PolicyWorker(Bounds(evaluation_s=0.0, start_s=60)) as worker:
        with pytest.raises(EvaluationError, match="took more than 0 s"):
            await evaluated(worker, "1")
        assert worker.kills == 1
        assert children() == []
        (verdict,) = await worker.check(CLAIMS, ["true"])
        assert verdict.type == "BOOL"


async def test_one_that_kills_three_times_in_a_minute_is_suspended_for_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now_s = [0.0]
    suspensions = Suspensions(clock=lambda: now_s[0])
    bounds = Bounds(evaluation_s=0.0, start_s=60)
    async with PolicyWorker(bounds, suspensions=suspensions) as worker:
        for _ in range(3):
            with pytest.raises(EvaluationError, match=r"took more than 0 s$"):
                await evaluated(worker, "1")
        assert (worker.kills, suspensions.suspended) == (3, 1)
        for _ in range(5):
            with pytest.raises(EvaluationError, match=r"took more than 0 s, .* suspended"):
                await evaluated(worker, "1")
        assert worker.kills == 3, "it is not asked"
        with pytest.raises(EvaluationError, match=r"took more than 0 s$"):
            await evaluated(worker, "2")
        (verdict,) = await worker.check(CLAIMS, ["1"])
        assert verdict.type == "INT", "it can be checked all the same"
        now_s[0] = SUSPENDED_S
        with pytest.raises(EvaluationError, match=r"took more than 0 s$"):
            await evaluated(worker, "1")
    assert caplog.messages.count("expressions are suspended for a minute: 1") == 1


async def test_those_that_wait_behind_a_kill_are_suspended_with_it() -> None:
    bounds = Bounds(evaluation_s=0.0, wait_s=60, start_s=60)
    async with PolicyWorker(bounds) as worker:
        asking = [evaluated(worker, "1") for _ in range(10)]
        answers = await asyncio.gather(*asking, return_exceptions=True)
        assert [isinstance(answer, EvaluationError) for answer in answers] == [True] * 10
        assert worker.kills == 3


async def test_one_who_leaves_suspends_nothing(worker: PolicyWorker) -> None:
    for _ in range(4):
        await worker.start()
        (process,) = children()
        os.kill(process.pid, signal.SIGSTOP)
        leaving = asyncio.create_task(evaluated(worker, "1"))
        await asyncio.sleep(0)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
    assert worker.kills == 4
    assert await evaluated(worker, "1") == 1


async def test_one_that_takes_too_much_memory_is_an_error() -> None:
    bounds = Bounds(evaluation_s=60, wait_s=60, start_s=60, memory_octets=256 * 1024 * 1024)
    async with PolicyWorker(bounds) as worker:
        with pytest.raises(EvaluationError):
            await evaluated(worker, BOMB)
        assert await evaluated(worker, "1") == 1


async def test_a_process_that_dies_is_replaced(worker: PolicyWorker) -> None:
    (process,) = children()
    os.kill(process.pid, signal.SIGSTOP)
    asking = asyncio.create_task(evaluated(worker, "1"))
    await asyncio.sleep(0)
    process.kill()
    with pytest.raises(EvaluationError, match="ended"):
        await asking
    assert await evaluated(worker, "2") == 2


async def test_one_who_leaves_does_not_leave_its_answer_to_the_next(worker: PolicyWorker) -> None:
    (process,) = children()
    os.kill(process.pid, signal.SIGSTOP)
    leaving = asyncio.create_task(evaluated(worker, "1"))
    await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert await evaluated(worker, "2") == 2


async def test_one_that_waits_for_its_turn_gives_up() -> None:
    bounds = Bounds(evaluation_s=60, start_s=60, wait_s=0.01)
    async with PolicyWorker(bounds) as worker:
        await worker.start()
        (process,) = children()
        os.kill(process.pid, signal.SIGSTOP)
        first = asyncio.create_task(evaluated(worker, "1"))
        await asyncio.sleep(0)
        with pytest.raises(EvaluationError, match="too many"):
            await evaluated(worker, "2")
        os.kill(process.pid, signal.SIGCONT)
        assert await first == 1


@pytest.mark.parametrize(
    "claim",
    ["x" * VARIABLES_OCTETS_MAX, float("inf"), {1, 2}, b"octets"],
    ids=["long", "infinite", "set", "octets"],
)
async def test_variables_that_cannot_be_given_are_an_error(
    worker: PolicyWorker, claim: object
) -> None:
    with pytest.raises(EvaluationError, match="its variables"):
        await evaluated(worker, "claims.c", c=claim)
    assert worker.kills == 0


async def test_a_process_that_cannot_start_is_an_error() -> None:
    worker = PolicyWorker(Bounds(memory_octets=1024 * 1024, start_s=60))
    with pytest.raises(EvaluationError, match="cannot start"):
        await evaluated(worker, "1")
    with pytest.raises(EvaluationError, match="cannot start"):
        await worker.start()


async def test_without_the_library_it_says_so() -> None:
    async with PolicyWorker(library="no_such_package") as worker:
        for asking in (evaluated(worker, "1"), worker.check(CLAIMS, ["1"])):
            with pytest.raises(EvaluationError, match="x86_64 and aarch64 only"):
                await asking
    assert children() == []
