"""What a person sees who opens a server in a browser on a machine without internet."""

import asyncio
import os
import re
import shutil
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.end_to_end.processes import Serving, serving

pytestmark = pytest.mark.end_to_end

PATIENCE_MS = "20000"  # virtual time: the browser does not wait for what it already has


@pytest.fixture(scope="module", params=[(), ("--auth",)], ids=["open", "authenticated"])
async def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Serving, None]:
    if shutil.which("chromium") is None:
        if os.environ.get("CI"):
            pytest.fail("chromium not found; in continuous integration these tests must run")
        pytest.skip("chromium not found")
    words: tuple[str, ...] = request.param
    async with serving(tmp_path_factory.mktemp("browser"), *words) as running:
        yield running


async def shown(url: str, profile: Path) -> str:
    """Open a page as a user does, with no name server; gives the document as it is then."""
    process = await asyncio.create_subprocess_exec(
        "chromium",
        "--headless",
        "--no-sandbox",  # the tests may run as root, for whom it refuses to start otherwise
        "--disable-gpu",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        f"--user-data-dir={profile}",
        f"--virtual-time-budget={PATIENCE_MS}",
        "--dump-dom",
        url,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    page, noise = await process.communicate()
    assert process.returncode == 0, noise.decode()
    return page.decode()


async def test_the_address_of_a_server_shows_every_operation(
    running: Serving, tmp_path: Path
) -> None:
    page = await shown(f"http://127.0.0.1:{running.api_port}/", tmp_path)
    document = (await running.client.get("/openapi.json")).json()
    operations = sum(len(operations) for operations in document["paths"].values())
    assert operations > 50
    assert len(re.findall(r'class="opblock opblock-', page)) == operations
    assert "Authorize" in page
    assert "Failed to load" not in page
