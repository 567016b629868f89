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
LAST = "after the commit"
MOMENTS = (
    "before the lock",
    "after the lock",
    "before INSERT INTO cluster_ips",
    "after INSERT INTO cluster_ips",
    "before the commit",
    LAST,
)


async def test_a_write_is_whole_or_not_there_wherever_the_process_dies(tmp_path: Path) -> None:
    journal = Journal()
    async with a_postgres() as server:
        for number, moment in enumerate(MOMENTS):
            armed = tmp_path / f"armed-{number}"
            async with serving(
                tmp_path / "faulty",
                program=FAULTY,
                database_url=server.url,
                bootstrap="false",  # nobody but the client writes
                fault_file=str(armed),
                fault_point=moment,
            ) as replica:
                armed.touch()
                url = str(replica.client.base_url)
                await write(replica.client, url, f"killed-{number}", journal)
                await replica.process.wait()
            assert armed.read_text() == moment

        async with serving(tmp_path / "whole", database_url=server.url) as replica:
            url = str(replica.client.base_url)
            await write(replica.client, url, "after-all", journal)
            await prove(Load(journal, []), [url], server)
            names = await _names(replica.client)
    killed = {name for name in names if name.startswith("killed-")}
    assert killed == {f"killed-{MOMENTS.index(LAST)}"}, "what was committed is there, and no more"
    assert "after-all" in names


async def _names(client: httpx.AsyncClient) -> set[str]:
    services = (await client.get("/services")).json()["items"]
    return {item["metadata"]["name"] for item in services}
