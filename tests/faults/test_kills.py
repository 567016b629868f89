"""kill -9 between any two statements of a write: it is there whole, or not at all."""

import asyncio
import sys
from pathlib import Path

import httpx
import pytest

from tests.end_to_end.processes import CHECKOUT, Program, Serving, serving
from tests.faults.checker import prove
from tests.faults.clients import Journal, Load, write
from tests.faults.postgres import a_postgres

pytestmark = [pytest.mark.end_to_end, pytest.mark.faults, pytest.mark.timeout(600)]

FAULTY = Program(
    command=(sys.executable, "-m", "tests.faults.serve_with_fault"), folder=CHECKOUT.folder
)
IN_A_TRANSACTION = (
    "before the lock",
    "after the lock",
    "before the rows",
    "after the rows",
    "before the commit",
    "after the commit",
)
IN_ONE_STATEMENT = ("before all of it", "after all of it")
DIES_WITHIN_S = 60.0
COMMITTED = ("after the commit", "after all of it")


async def test_a_write_is_whole_or_not_there_wherever_the_process_dies(tmp_path: Path) -> None:
    journal = Journal()
    async with (
        a_postgres() as server,
        serving(tmp_path / "bystander", database_url=server.url) as bystander,
    ):
        for moment in (*IN_A_TRANSACTION, *IN_ONE_STATEMENT):
            armed = tmp_path / _name(moment)
            async with serving(
                tmp_path / "faulty",
                program=FAULTY,
                database_url=server.url,
                bootstrap="false",  # nobody but the clients writes
                fault_file=str(armed),
                fault_point=moment,
            ) as faulty:
                # What follows a write of one's own is one statement.
                last = faulty if moment in IN_ONE_STATEMENT else bystander
                await _write(last, f"before-{_name(moment)}", journal)
                armed.touch()
                await _write(faulty, _name(moment), journal)
                async with asyncio.timeout(DIES_WITHIN_S):
                    await faulty.process.wait()
            assert armed.read_text() == moment

        await _write(bystander, "after-all", journal)
        await prove(Load(journal, []), [str(bystander.client.base_url)], server)
        names = await _names(bystander.client)
    killed = {name for name in names if name.startswith("killed-")}
    assert killed == set(map(_name, COMMITTED)), "what was committed is there, and no more"
    assert "after-all" in names


async def _write(replica: Serving, name: str, journal: Journal) -> None:
    await write(replica.client, str(replica.client.base_url), name, journal)


def _name(moment: str) -> str:
    return f"killed-{moment.replace(' ', '-')}"


async def _names(client: httpx.AsyncClient) -> set[str]:
    services = (await client.get("/services")).json()["items"]
    return {item["metadata"]["name"] for item in services}
