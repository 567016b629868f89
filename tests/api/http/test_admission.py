"""Simultaneous requests begin a few in each iteration of the event loop, in order."""

import asyncio

from starlette.types import Message, Receive, Scope, Send

from app.api.http.admission import BEGUN_A_ROUND, Admission
from app.api.http.limits import RequestLimit
from tests.rounds import work_a_round

MANY = 5 * BEGUN_A_ROUND


async def test_an_iteration_begins_few_requests_and_all_begin_in_order() -> None:
    admission, begun = Admission(), list[int]()

    async def begin(number: int) -> None:
        await admission.enter()
        begun.append(number)

    for _ in range(2):  # the second time as the first
        begun.clear()
        all_of_them = asyncio.gather(*map(begin, range(MANY)))
        _, rounds = await work_a_round(all_of_them, lambda: len(begun))
        assert begun == list(range(MANY))
        assert max(rounds) <= BEGUN_A_ROUND


async def test_a_disconnected_request_takes_no_place() -> None:
    admission = Admission(begun_a_round=1)
    waiting = [asyncio.create_task(admission.enter()) for _ in range(5)]
    await asyncio.sleep(0)
    for task in waiting[1:4]:
        task.cancel()
    async with asyncio.timeout(5):
        await waiting[4]


async def test_health_is_answered_before_queued_requests() -> None:
    answered: list[str] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        answered.append(scope["path"])

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(_: Message) -> None:
        pass

    limit = RequestLimit(app, requests_max=MANY)
    paths = [*("/services" for _ in range(MANY)), "/livez"]
    await asyncio.gather(*(limit({"type": "http", "path": path}, receive, send) for path in paths))
    assert answered.index("/livez") <= BEGUN_A_ROUND
    assert len(answered) == MANY + 1
