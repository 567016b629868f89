"""Connections to PostgreSQL: one pool, with a bound on everything.

What is sent over them is not known here.
"""

import re

from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

CONNECT_TIMEOUT_S = 5.0
COMMAND_TIMEOUT_S = 30.0
CONNECTIONS_MAX = 8  # the writer, the follower, two elections, leases; three for what comes by hand
SERVER_VERSION_MIN = 15

_SCHEME = re.compile(r"\Apostgres(ql)?(\+asyncpg)?://")


def parse_url(text: str) -> URL:
    """Read ``postgresql://…``; several hosts may stand in it, separated by commas.

    Raises ValueError when it is no PostgreSQL address.
    """
    if not _SCHEME.match(text):
        raise ValueError("a database address starts with postgresql://")
    return make_url(_hosts_as_query(_SCHEME.sub("postgresql+asyncpg://", text)))


def make_engine(url: str) -> AsyncEngine:
    """Open a pool; nothing is connected before its first use."""
    return create_async_engine(
        parse_url(url),
        pool_size=CONNECTIONS_MAX,
        max_overflow=0,
        pool_timeout=CONNECT_TIMEOUT_S,
        pool_pre_ping=False,  # the writer and the follower notice and reconnect by themselves
        connect_args={
            "timeout": CONNECT_TIMEOUT_S,
            "command_timeout": COMMAND_TIMEOUT_S,
            "server_settings": {"application_name": "waypost"},
        },
    )


def _hosts_as_query(url: str) -> str:
    """Move ``h1:5432,h2:5433`` from the authority into the query, where the driver wants it."""
    head, separator, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    credentials, at, hosts = authority.rpartition("@")
    if "," not in hosts:
        return url
    query = "&".join(f"host={host if ':' in host else f'{host}:5432'}" for host in hosts.split(","))
    path, question, old_query = path.partition("?")
    joined = "&".join(part for part in (old_query, query) if part)
    return f"{head}{separator}{credentials}{at}{slash}{path}?{joined}" + question[:0]
