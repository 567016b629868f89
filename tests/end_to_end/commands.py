"""Commands of the client, run as a user would, against a real server."""

import asyncio
import os
import sys
from typing import NamedTuple

from tests.end_to_end.processes import CHECKOUT, Serving


class Ended(NamedTuple):
    """A command that has ended: its exit code, and what it printed."""

    code: int | None
    out: str
    err: str


async def waypost(running: Serving, *words: str, token: str = "", stdin: str = "") -> Ended:
    """Run a command of the client to its end, with a token if there is one."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("WAYPOST_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "app",
        *words,
        "--api",
        f"http://127.0.0.1:{running.api_port}",
        cwd=CHECKOUT.folder,
        env={**others, "WAYPOST_TOKEN": token},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(stdin.encode())
    return Ended(process.returncode, out.decode(), err.decode())
