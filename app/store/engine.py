"""Connections to PostgreSQL: one pool, with limits on everything.

    postgresql://h1,h2/name -> the first host that accepts writes -> a pool of connections

Statements are not known here.  A server that stops answering without closing its connections
costs each of these timeouts once, and no more.
"""

import re
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast
from urllib.parse import urlsplit

import asyncpg
from asyncpg.connect_utils import SessionAttribute
from sqlalchemy import AsyncAdaptedQueuePool
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

CONNECT_S_MAX = 5.0  # seconds to connect to a host
COMMAND_S_MAX = 30.0  # seconds any statement may take
LOCK_S_MAX = 5  # seconds a statement waits for a lock, the revision counter's above all
IDLE_IN_TRANSACTION_S_MAX = 15  # seconds until a disconnected process loses its locks
CONNECTIONS_MAX = 8  # for the writer, the follower, elected duties, and commands

UNREACHABLE = (
    SQLAlchemyError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    OSError,
    TimeoutError,
)
"""Errors of a database that cannot execute a statement or be reached."""

_SERVER_SETTINGS = {
    "application_name": "waypost",
    "lock_timeout": f"{LOCK_S_MAX}s",
    # For the server's side of a broken connection: without these it would keep the counter's
    # lock, and so block all writers, until the kernel gives up on the peer.
    "idle_in_transaction_session_timeout": f"{IDLE_IN_TRANSACTION_S_MAX}s",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "15000",
}
_SCHEME = re.compile(r"\Apostgres(ql)?(\+asyncpg)?://")
_AUTHORITY = re.compile(r"\A(postgresql://)((?:[^/?#]*@)?)([^/?#]*)(.*)\Z", re.DOTALL)


def parse_url(text: str) -> tuple[str, ...]:
    """Split ``postgresql://…`` into one address for each of its comma-separated hosts.

    Raises ValueError when it is not a PostgreSQL address.
    """
    if not _SCHEME.match(text):
        raise ValueError("a database address starts with postgresql://")
    parts = _AUTHORITY.match(_SCHEME.sub("postgresql://", text))
    assert parts is not None, "every address with the scheme has an authority, maybe empty"
    scheme, credentials, hosts, rest = parts.groups()
    urls = tuple(f"{scheme}{credentials}{host}{rest}" for host in hosts.split(","))
    for url in urls:
        try:
            _ = urlsplit(url).port
        except ValueError as error:
            raise ValueError(
                f"a host is written name, name:port or [address]:port: {error}"
            ) from None
    return urls


def make_engine(url: str) -> AsyncEngine:
    """Make a pool; it connects on first use."""
    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=_Connector(parse_url(url)),
        poolclass=Pool,
        pool_size=CONNECTIONS_MAX,
        max_overflow=0,
        pool_timeout=CONNECT_S_MAX,
        pool_pre_ping=False,  # the writer and the follower notice and reconnect by themselves
    )


class Pool(AsyncAdaptedQueuePool):
    """A pool that knows how much work waits for a connection, or for one to be made."""

    waiting = 0

    def _do_get(self) -> Any:  # noqa: ANN401  the library's own record
        self.waiting += 1
        try:
            return super()._do_get()
        finally:
            self.waiting -= 1


@asynccontextmanager
async def connected(engine: AsyncEngine) -> AsyncGenerator[AsyncConnection, None]:
    """Lend a connection for a block; when the block fails, the connection is discarded.

    Returning it to the pool would send statements to a server that may not answer.
    """
    async with engine.connect() as connection:
        try:
            yield connection
        except BaseException:
            await connection.invalidate()
            raise


async def driver_of(connection: AsyncConnection) -> "asyncpg.Connection[Any]":
    """Give the driver's connection, for features that SQLAlchemy does not offer."""
    driver = (await connection.get_raw_connection()).driver_connection
    assert isinstance(driver, asyncpg.Connection), "a connected connection has a driver"
    return cast("asyncpg.Connection[Any]", driver)


class _Connector:
    """Connects to the host that accepts writes, starting with the last one that did."""

    def __init__(self, hosts: Sequence[str]) -> None:
        self._hosts = deque(hosts)

    async def __call__(self) -> "asyncpg.Connection[Any]":
        for _ in range(len(self._hosts) - 1):
            try:
                return await self._connect()
            except UNREACHABLE:
                self._hosts.rotate(-1)
        return await self._connect()

    async def _connect(self) -> "asyncpg.Connection[Any]":
        return await asyncpg.connect(
            self._hosts[0],
            timeout=CONNECT_S_MAX,
            command_timeout=COMMAND_S_MAX,
            server_settings=_SERVER_SETTINGS,
            target_session_attrs=SessionAttribute.read_write,
        )
