"""Contexts: servers with their tokens and namespaces, by name, as ``waypost config`` keeps them.

    ~/.config/waypost/config (mode 0600, JSON) -> Contexts -> the current Context

Options and the environment win over the context.  The token of a context goes only to its server.
Source: kubectl `config`; XDG Base Directory Specification 0.8 for the folder.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

import click

from app.cli.failures import Unreadable
from app.cli.fields import mapping, mappings, text
from waypost.client.http.environment import API_DEFAULT
from waypost.client.paths import DEFAULT_NAMESPACE

FILE_VARIABLE: Final = "WAYPOST_CONFIG"
FILE_MODE: Final = 0o600
FOLDER_MODE: Final = 0o700
FILE_OCTETS_MAX: Final = 1 << 20
CONTEXTS_MAX: Final = 1_000
_CHOSEN: Final = "waypost.context"  # key of the command line's ``meta``


@dataclass(frozen=True, slots=True)
class Context:
    """One server, as somebody uses it; empty fields are those of the default."""

    name: str
    server: str = ""
    namespace: str = ""
    token: str = field(default="", repr=False)
    token_file: str = ""


@dataclass(slots=True)
class Contexts:
    """All contexts, and the name of the current one."""

    current: str = ""
    known: dict[str, Context] = field(default_factory=dict[str, Context])


def file_of(environment: Mapping[str, str] = os.environ) -> Path:
    """Give the path of the file, which may not exist."""
    if given := environment.get(FILE_VARIABLE):
        return Path(given)
    base = environment.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base, "waypost", "config")


def read_contexts(file: Path) -> Contexts:
    """Read contexts; a missing file has none.  Raises Unreadable."""
    try:
        with file.open("rb") as opened:
            octets = opened.read(FILE_OCTETS_MAX + 1)
    except (FileNotFoundError, NotADirectoryError):
        return Contexts()
    except OSError as error:
        raise Unreadable(f"{file}: {error.strerror or error}") from None
    try:
        document: object = json.loads(octets) if len(octets) <= FILE_OCTETS_MAX else None
    except ValueError as error:
        raise Unreadable(f"{file}: it is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise Unreadable(f"{file}: it has no contexts; `waypost config set-context` writes it")
    kept = cast("Mapping[str, object]", document)
    found = mappings(kept, "contexts")[:CONTEXTS_MAX]
    known = {name: _context(name, each) for each in found if (name := text(each, "name"))}
    return Contexts(text(kept, "current-context"), known)


def write_contexts(file: Path, contexts: Contexts) -> None:
    """Replace the file, readable by its owner alone; raises Unreadable."""
    document = {
        "current-context": contexts.current,
        "contexts": [document_of(each) for each in contexts.known.values()],
    }
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        opened = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
        with os.fdopen(opened, "w") as written:
            json.dump(document, written, indent=2)
            written.write("\n")
        temporary.replace(file)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise Unreadable(f"{file}: {error.strerror or error}") from None


def current_context() -> Context:
    """Give the current context of this user; without one, that of the defaults."""
    contexts = read_contexts(file_of())
    running = click.get_current_context(silent=True)
    chosen = str(running.meta.get(_CHOSEN, "")) if running else ""
    found = contexts.known.get(chosen or contexts.current)
    if chosen and found is None:
        from app.cli.nearest import did_you_mean  # noqa: PLC0415  for mistakes alone

        raise Unreadable(f'there is no context "{chosen}"{did_you_mean(chosen, contexts.known)}')
    if contexts.current and found is None:
        raise Unreadable(
            f"there is no context {contexts.current!r}, which is the current one: "
            "`waypost config use-context` chooses another"
        )
    return found or Context("")


def choose_context(running: click.Context, name: str) -> None:
    """Let a command use another context than the current one."""
    running.meta[_CHOSEN] = name


def default_server() -> str:
    """Give the server of a command that names none."""
    return current_context().server or API_DEFAULT


def default_namespace() -> str:
    """Give the namespace of a command that names none."""
    return current_context().namespace or DEFAULT_NAMESPACE


def _context(name: str, document: Mapping[str, object]) -> Context:
    values = mapping(document, "context")
    return Context(
        name, *(text(values, key) for key in ("server", "namespace", "token", "token-file"))
    )


def document_of(context: Context) -> dict[str, object]:
    """Give a context as the file has it."""
    values = {
        "server": context.server,
        "namespace": context.namespace,
        "token": context.token,
        "token-file": context.token_file,
    }
    return {"name": context.name, "context": {key: value for key, value in values.items() if value}}
