"""``waypost config``: servers with their tokens and namespaces, by name.

words -> Contexts -> ~/.config/waypost/config

Source: kubectl `pkg/cmd/config`.
"""

import sys
from dataclasses import replace
from typing import Final

import click

from app.cli.failures import Unreadable
from app.cli.output import (
    OutputFormat,
    Sheet,
    print_document,
    print_sheet,
    print_text,
    say,
    visible,
)
from app.cli.setup.contexts import (
    Context,
    Contexts,
    document_of,
    file_of,
    read_contexts,
    write_contexts,
)
from app.cli.verb import write_examples
from waypost.client.http.credentials import Credentials

_STDIN: Final = "-"
_EXAMPLES = """
waypost config set-context lab --server https://lab:8053 --namespace dev --current
waypost token create | waypost config set-context lab --token -    the token is kept in the file
waypost config use-context lab
waypost config get-contexts
waypost config current-context
waypost config delete-context lab
"""


def _completed(_: click.Context, __: click.Parameter, begun: str) -> list[str]:
    try:
        known = read_contexts(file_of()).known
    except Unreadable:
        return []
    return [name for name in known if name.startswith(begun)]


class _Examples(click.Group):
    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_examples(_EXAMPLES, formatter)


@click.group(cls=_Examples, no_args_is_help=True)
def config() -> None:
    """Keep servers with their tokens and namespaces, by name."""


@config.command("get-contexts")
@click.argument("name", required=False, metavar="[NAME]", help="Only this one.")
@click.option("--no-headers", is_flag=True, help="Rows without headings.")
@click.option("--output", "-o", type=click.Choice(["name"]), default=None, help="Only names.")
def get_contexts(name: str | None, *, no_headers: bool, output: str | None) -> None:
    """List the contexts; a star is at the current one."""
    contexts = read_contexts(file_of())
    shown = [_known(contexts, name)] if name else list(contexts.known.values())
    if output:
        for each in shown:
            print_text(visible(each.name))
        return
    rows = tuple(
        (
            "*" if each.name == contexts.current else "",
            each.name,
            each.server,
            each.namespace,
            "in this file" if each.token else each.token_file,
        )
        for each in shown
    )
    headings = ("CURRENT", "NAME", "SERVER", "NAMESPACE", "TOKEN")
    print_sheet(Sheet(headings, rows), with_headings=not no_headers)


@config.command("current-context")
def current_context() -> None:
    """Print the name of the current context."""
    contexts = read_contexts(file_of())
    if not contexts.current:
        raise Unreadable("current-context is not set")
    print_text(visible(contexts.current))


@config.command()
def view() -> None:
    """Print the file, without the tokens in it."""
    contexts = read_contexts(file_of())
    known = [
        document_of(replace(each, token="REDACTED" if each.token else ""))
        for each in contexts.known.values()
    ]
    print_document({"current-context": contexts.current, "contexts": known}, OutputFormat.JSON)


@config.command("use-context")
@click.argument("name", metavar="NAME", shell_complete=_completed, help="The context.")
def use_context(name: str) -> None:
    """Make a context the current one."""
    file = file_of()
    contexts = read_contexts(file)
    contexts.current = _known(contexts, name).name
    write_contexts(file, contexts)
    say(f'Switched to context "{name}".')


@config.command("set-context")
@click.argument("name", required=False, metavar="[NAME]", help="A new one, or one to change.")
@click.option("--current", is_flag=True, help="Change the current one; or make NAME that.")
@click.option("--server", default=None, metavar="URL", help="The server to talk to.")
@click.option("--namespace", "-n", default=None, metavar="NS", help="The namespace of commands.")
@click.option("--token", default=None, metavar="TOKEN", help="The token to send; - is stdin.")
@click.option("--token-file", default=None, metavar="FILE", help="A file with it instead.")
def set_context(  # noqa: PLR0913  each parameter is an option of the command
    name: str | None,
    *,
    current: bool,
    server: str | None,
    namespace: str | None,
    token: str | None,
    token_file: str | None,
) -> None:
    """Write a context; what is not given stays, an empty value removes it."""
    file = file_of()
    contexts = read_contexts(file)
    named = name or (contexts.current if current else "")
    if not named:
        raise click.BadParameter("which context? Say NAME, or --current")
    token = sys.stdin.read().strip() if token == _STDIN else token
    if token:
        Credentials(token)  # refused here rather than by every later command
    values = {"server": server, "namespace": namespace, "token": token, "token_file": token_file}
    given = {key: value for key, value in values.items() if value is not None}
    if given.get("token") and given.get("token_file"):
        raise click.BadParameter("--token and --token-file exclude each other")
    if given.get("token"):
        given["token_file"] = ""
    elif given.get("token_file"):
        given["token"] = ""
    word = "modified" if named in contexts.known else "created"
    contexts.known[named] = replace(contexts.known.get(named, Context(named)), **given)
    if current or not contexts.current:
        contexts.current = named
    write_contexts(file, contexts)
    say(f'Context "{named}" {word}.')


@config.command("delete-context")
@click.argument("name", metavar="NAME", shell_complete=_completed, help="The context.")
def delete_context(name: str) -> None:
    """Delete a context, with its token."""
    file = file_of()
    contexts = read_contexts(file)
    del contexts.known[_known(contexts, name).name]
    if contexts.current == name:
        contexts.current = ""
    write_contexts(file, contexts)
    say(f'deleted context "{name}" from {file}')


def _known(contexts: Contexts, name: str) -> Context:
    found = contexts.known.get(name)
    if found is None:
        from app.cli.nearest import did_you_mean  # noqa: PLC0415  for mistakes alone

        hint = did_you_mean(name, contexts.known)
        raise Unreadable(f'no context exists with the name: "{name}"{hint}')
    return found
