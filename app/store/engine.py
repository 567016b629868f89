"""Connections to PostgreSQL: one pool, with a bound on everything.

    postgresql://h1,h2/name -> the first host that takes writes -> a pool of connections

What is sent over them is not known here.  A server that has stopped answering
without closing anything costs each of these bounds once, and no more.
"""

import re
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast
from urllib.parse import urlsplit

import asyncpg
from asyncpg.connect_utils import SessionAttribute
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

CONNECT_S_MAX = 5.0  # seconds a host has to let us in
COMMAND_S_MAX = 30.0  # seconds any statement may take
LOCK_S_MAX = 5  # seconds a statement waits for a lock, the revision counter's above all
IDLE_IN_TRANSACTION_S_MAX = 15  # seconds until a process that was cut off loses its locks
CONNECTIONS_MAX = 8  # the writer, the follower, duties, and what comes by hand

UNREACHABLE = (
    SQLAlchemyError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    OSError,
    TimeoutError,
)
"""What is raised when the database cannot do what is asked of it."""

_SERVER_SETTINGS = {
    "application_name": "waypost",
    "lock_timeout": f"{LOCK_S_MAX}s",
    # The server's side of a connection that was cut off: without these it would keep the
    # counter's lock, and with it everybody's writes, until the kernel gives up on the peer.
    "idle_in_transaction_session_timeout": f"{IDLE_IN_TRANSACTION_S_MAX}s",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "15000",
}
_SCHEME = re.compile(r"\Apostgres(ql)?(\+asyncpg)?://")
_AUTHORITY = re.compile(r"\A(postgresql://)((?:[^/?#]*@)?)([^/?#]*)(.*)\Z", re.DOTALL)


def parse_url(text: str) -> tuple[str, ...]:
    """Read ``postgresql://…`` as the addresses of its hosts, which commas separate.

    Raises ValueError when it is no PostgreSQL address.
    """
    if not _SCHEME.match(text):
        raise ValueError("a database address starts with postgresql://")
    parts = _AUTHORITY.match(_SCHEME.sub("postgresql://", text))
    assert parts is not None, "what has the scheme has an authority, be it empty"
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
    """Open a pool; nothing is connected before its first use."""
    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=_Connector(parse_url(url)),
        pool_size=CONNECTIONS_MAX,
        max_overflow=0,
        pool_timeout=CONNECT_S_MAX,
        pool_pre_ping=False,  # the writer and the follower notice and reconnect by themselves
    )


@asynccontextmanager
async def connected(engine: AsyncEngine) -> AsyncGenerator[AsyncConnection, None]:
    """Lend a connection for a block; one that was in use when the block failed is thrown away.

    Without that, giving it back would talk to a server that may not answer.
    """
    async with engine.connect() as connection:
        try:
            yield connection
        except BaseException:
            await connection.invalidate()
            raise


async def driver_of(connection: AsyncConnection) -> "asyncpg.Connection[Any]":
    """Give the driver's own connection, for what SQLAlchemy has no words for."""
    driver = (await connection.get_raw_connection()).driver_connection
    assert isinstance(driver, asyncpg.Connection), "a connected connection has a driver"
    return cast("asyncpg.Connection[Any]", driver)


class _Connector:
    """Connects to whichever host takes writes, the last one that did first."""

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
