"""A request that is over leaves no reference cycle for the garbage collector.

Reference counting frees it at once; a search through everything that a process holds is rare.
"""

import asyncio
import gc
import warnings
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from app.api import application
from tests.api.sockets import said, serving
from tests.registries import a_registry

_LAST = b"Host: localhost\r\nConnection: close\r\n"
REQUESTS = {
    "read": b"GET /services HTTP/1.1\r\n" + _LAST + b"\r\n",
    "refused": b"POST /services HTTP/1.1\r\n" + _LAST + b"Content-Length: 2\r\n\r\n{}",
    "health": b"GET /livez HTTP/1.1\r\n" + _LAST + b"\r\n",
    "pipelined": b"GET /services HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3
    + b"GET /services HTTP/1.1\r\n"
    + _LAST
    + b"\r\n",
    "stream that ends": b"GET /watch?timeoutSeconds=1 HTTP/1.1\r\n" + _LAST + b"\r\n",
}


@contextmanager
def garbage() -> Generator[list[object], None, None]:
    """Collect the objects that the block leaves in reference cycles."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # of sockets that earlier tests left open
        gc.collect()
    gc.freeze()  # a registry of an earlier test may end during the block, when its last timer fires
    found: list[object] = []
    gc.disable()
    try:
        yield found
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        found += gc.garbage
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.unfreeze()
        gc.enable()


def ours(found: list[object]) -> list[str]:
    """Name the types among them that requests are made of; earlier tests may have left others."""
    types = {type(each) for each in found}
    return sorted(
        each.__qualname__ for each in types if each.__module__.startswith(("app.api.", "uvicorn."))
    )


async def left_by_watch(port: int) -> None:
    """Watch, and disconnect in the middle of it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /watch HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await reader.readuntil(b"BOOKMARK")
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
async def test_a_request_leaves_no_reference_cycles(database_url: str, request_: bytes) -> None:
    app = application.build(version="1.2.3")
    async with a_registry(database_url) as registry:
        app.state.registry = registry
        async with serving(app) as port:
            await said(port, request_)  # what is made once is made by the first
            with garbage() as found:
                await said(port, request_)
                await asyncio.sleep(0)
    assert ours(found) == []


async def test_a_watcher_that_disconnects_leaves_no_reference_cycles(database_url: str) -> None:
    app = application.build(version="1.2.3")
    async with a_registry(database_url) as registry:
        app.state.registry = registry
        async with serving(app) as port:
            await left_by_watch(port)
            with garbage() as found:
                await left_by_watch(port)
                while registry.watching.watchers:  # noqa: ASYNC110  there is no event
                    await asyncio.sleep(0.01)
                await asyncio.sleep(0)
    assert ours(found) == []
