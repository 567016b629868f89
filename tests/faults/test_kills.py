"""kill -9 between any two statements of a write: it is there whole, or not at all."""

import sys
from pathlib import Path

import httpx
import pytest

from tests.end_to_end.processes import CHECKOUT, Program, serving
from tests.faults.checker import prove
from tests.faults.clients import Journal, Load, write
from tests.faults.postgres import a_postgres

pytestmark = [pytest.mark.end_to_end, pytest.mark.faults, pytest.mark.timeout(600)]

FAULTY = Program(
    command=(sys.executable, "-m", "tests.faults.serve_with_fault"), folder=CHECKOUT.folder
)
MOMENTS_MAX = 40
LAST = "after the commit"


async def test_a_write_is_whole_or_not_there_wherever_the_process_dies(tmp_path: Path) -> None:
    journal, died_at = Journal(), list[str]()
    async with a_postgres() as server:
        for point in range(MOMENTS_MAX):
            armed = tmp_path / f"armed-{point}"
            name = f"killed-{point}"
            async with serving(
                tmp_path / "faulty",
                program=FAULTY,
                database_url=server.url,
                fault_file=str(armed),
                fault_point=str(point),
            ) as replica:
                armed.touch()
                await write(replica.client, str(replica.client.base_url), name, journal)
                await replica.process.wait()
            died_at.append(armed.read_text())
            if died_at[-1] == LAST:
                break
        assert died_at[-1] == LAST, died_at
        assert len(died_at) > 8, "every statement of a write is a moment to die at"

        async with serving(tmp_path / "whole", database_url=server.url) as replica:
            url = str(replica.client.base_url)
            await write(replica.client, url, "after-all", journal)
            await prove(Load(journal, []), [url], server)
            names = await _names(replica.client)
    assert names >= {"after-all", f"killed-{len(died_at) - 1}"}, "what was committed is there"
    assert not names & {f"killed-{point}" for point in range(len(died_at) - 2)}


async def _names(client: httpx.AsyncClient) -> set[str]:
    services = (await client.get("/services")).json()["items"]
    return {item["metadata"]["name"] for item in services}
