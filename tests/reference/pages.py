"""Pages of docs/reference, written from the code that they describe.

    command line -> commands.md     openapi.json -> api.md     table of refusals -> errors.md

``make reference`` writes them anew; a test holds each to the code.  Settings stand in the README,
where people look for them first.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import click

from app.__main__ import application
from app.api.errors import RETRY_AFTER_S, STATUSES
from app.domain.errors import CauseReason

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "docs" / "reference"
WIDTH: Final = 100
_WRITTEN: Final = "<!-- Written by `make reference` from the code. -->"
_RETRIED: Final = (429, 503, 504)
_METHODS: Final = ("get", "put", "post", "delete", "patch")


def commands() -> str:
    """List every command with its words of help."""
    names: Any = application.context_settings  # of the option for help
    context = click.Context(application, info_name="waypost", max_content_width=WIDTH, **names)
    lines = ["# Commands", "", _WRITTEN, "", "Each prints its own page with `--help`.", ""]
    lines += _command(context, application)
    return "\n".join(lines)


def _command(context: click.Context, command: click.Command) -> Iterator[str]:
    yield f"## `{context.command_path}`"
    yield ""
    yield from _help(context, command)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            if found is not None and not found.hidden:
                inner = click.Context(found, info_name=name, parent=context)
                yield from _command(inner, found)


def _help(context: click.Context, command: click.Command) -> Iterator[str]:
    formatter = click.HelpFormatter(width=WIDTH, max_width=WIDTH)
    command.format_help(context, formatter)
    yield "```"
    yield formatter.getvalue().rstrip()
    yield "```"
    yield ""


def errors() -> str:
    """List every refusal with its status, reason and meaning."""
    lines = [
        "# Errors",
        "",
        _WRITTEN,
        "",
        "Every error is a Kubernetes `Status`: `code` and `reason` below, a `message` for people,",
        "and in `details.causes` each field that is wrong. Those with `Retry-After` (at least",
        f"{RETRY_AFTER_S} s) may be sent again.",
        "",
        "| code | reason | when | Retry-After |",
        "|---|---|---|---|",
    ]
    rows = {
        (status.value, kind.reason, (kind.__doc__ or "").partition("\n")[0].replace("``", "`"))
        for kind, status in STATUSES.items()
    }
    lines += [
        f"| {code} | `{reason}` | {meaning} | {'yes' if code in _RETRIED else ''} |"
        for code, reason, meaning in sorted(rows)
    ]
    lines += ["", "Reasons of a cause:", ""]
    lines += [f"* `{reason.value}`" for reason in CauseReason]
    return "\n".join([*lines, ""])


def api() -> str:
    """List every route of the document, by its tag."""
    document = json.loads((ROOT / "openapi.json").read_text())
    lines = ["# API", "", _WRITTEN, ""]
    lines += [
        "[`openapi.json`](../../openapi.json) has parameters, bodies and answers; `/docs` of a",
        "running server lets you try them.",
        "",
    ]
    for tag in document["tags"]:
        lines += [f"## {tag['name']}", "", str(tag.get("description", "")), ""]
        lines += ["| route | does |", "|---|---|", *_routes(document["paths"], tag["name"]), ""]
    return "\n".join(lines)


def _routes(paths: Mapping[str, Mapping[str, Any]], tag: str) -> Iterator[str]:
    for path, methods in paths.items():
        for method, operation in methods.items():
            if method in _METHODS and tag in operation["tags"]:
                yield f"| `{method.upper()} {path}` | {operation['summary']} |"


PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "api.md": api,
    "commands.md": commands,
    "errors.md": errors,
}


def main() -> None:
    """Write all pages."""
    FOLDER.mkdir(exist_ok=True)
    for name, write in PAGES.items():
        (FOLDER / name).write_text(write())


if __name__ == "__main__":
    main()
