"""The options that verbs share, and the connection of a verb to its server.

A test replaces the network by a transport, as the object of click's context.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import StrEnum
from importlib import import_module
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from app.cli.client import CLI_BOUNDS, Api
from app.cli.output import OutputFormat
from app.cli.setup.contexts import (
    choose_context,
    current_context,
    default_namespace,
    default_server,
)
from app.cli.setup.durations import DurationType
from app.cli.verb import BareOption
from waypost.client.http.credentials import Credentials
from waypost.client.http.environment import API_DEFAULT, API_VARIABLE, TOKEN_VARIABLE
from waypost.client.paths import DEFAULT_NAMESPACE

Completion = Callable[[click.Context, click.Parameter, str], list[str]]
F = TypeVar("F", bound=Callable[..., Any])

TOKEN_FILE: Final = "waypost.token-file"  # noqa: S105  key of the command line's ``meta``
_TIMEOUT: Final = "waypost.request-timeout"
BREAK_GLASS: Final = "waypost.break-glass"
"""Key of the command line's ``meta``: the function that writes an administrator's token to the
database, set by ``app.__main__``, as nothing here can reach the database."""


def after_tab(function: str) -> Completion:
    """Name a function of ``objects.completing``, which is imported when somebody presses TAB."""

    def complete(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
        named: Completion = getattr(import_module("app.cli.objects.completing"), function)
        return named(context, parameter, begun)

    return complete


def _choose(context: click.Context, _: click.Parameter, name: str) -> None:
    choose_context(context, name)


def _limit(context: click.Context, _: click.Parameter, seconds: float) -> None:
    context.meta[_TIMEOUT] = seconds


_url_option = click.option(
    "--api",
    "--server",
    "-s",
    "api",
    envvar=API_VARIABLE,
    default=default_server,
    show_default=f"the context's, or {API_DEFAULT}",
    show_envvar=True,
    metavar="URL",
    help="The server to talk to.",
)
_context_option = click.option(
    "--context",
    default="",
    is_eager=True,  # defaults of other options are the context's
    expose_value=False,
    callback=_choose,
    metavar="NAME",
    help="The context, of those that `waypost config` keeps.",
)
_timeout_option = click.option(
    "--request-timeout",
    type=DurationType(),
    default="0",
    expose_value=False,
    callback=_limit,
    metavar="DURATION",
    help="How long an answer may take; 0 is 120s.",
)


def api_option(function: F) -> F:
    """Add the options that say where requests go."""
    return _url_option(_context_option(_timeout_option(function)))


fixed_api_option = click.option(
    "--api",
    envvar=API_VARIABLE,
    default=API_DEFAULT,
    show_default=True,
    show_envvar=True,
    metavar="URL",
    help="The server to talk to.",
)
"""The same for what runs on a machine, where the contexts of a person do not count."""
selector_option = click.option(
    "--selector",
    "-l",
    default="",
    metavar="SEL",
    help="Labels, such as app=ent,tier!=test.",
)
all_namespaces_option = click.option(
    "--all-namespaces", "-A", is_flag=True, help="Objects of every namespace."
)
field_selector_option = click.option(
    "--field-selector",
    default="",
    metavar="SEL",
    help="Fields, such as metadata.name=ent,spec.type!=NodePort.",
)
recursive_option = click.option(
    "--recursive", "-R", is_flag=True, help="Folders within folders, too."
)
kustomize_option = click.option(
    "--kustomize",
    "-k",
    default="",
    metavar="FOLDER",
    help="What kustomize builds of a folder.",
)
files_option = click.option(
    "--filename",
    "-f",
    "files",
    multiple=True,
    metavar="FILE",
    help="A manifest, a folder of them, or - for stdin.",
)


class DryRun(StrEnum):
    """Whether something is written; both other words are for the server, which checks."""

    NONE = "none"
    SERVER = "server"
    CLIENT = "client"

    @property
    def query(self) -> dict[str, str]:
        """The query of a write."""
        return {} if self is DryRun.NONE else {"dryRun": "All"}


dry_run_option = click.option(
    "--dry-run",
    cls=BareOption,
    bare=DryRun.SERVER.value,
    type=click.Choice(DryRun, case_sensitive=False),
    default=DryRun.NONE.value,
    metavar="none|server|client",
    help="Check and show what would happen; write nothing. Alone it is `server`.",
)
strict_option = click.option(
    "--strict", is_flag=True, help="Refuse unknown kinds and unknown fields."
)


def namespace_option(default: str | None = None, words: str = "The namespace.") -> Callable[[F], F]:
    """Make the option of a namespace; without a default it is that of the context."""
    return click.option(
        "--namespace",
        "-n",
        default=default_namespace if default is None else default,
        show_default=f"the context's, or {DEFAULT_NAMESPACE}" if default is None else bool(default),
        metavar="NS",
        shell_complete=after_tab("namespaces_completed"),
        help=words,
    )


def given_namespace(namespace: str) -> str:
    """Give the namespace if somebody asked for it: objects of files have their own."""
    source = click.get_current_context().get_parameter_source("namespace")
    return "" if source is click.core.ParameterSource.DEFAULT else namespace


def output_option(words: str = "The form to print.") -> Callable[[F], F]:
    """Make the option of the printed form."""
    return click.option(
        "--output",
        "-o",
        type=click.Choice(OutputFormat, case_sensitive=False),
        default=OutputFormat.TABLE.value,
        show_default=True,
        help=words,
    )


def addresses_of(given: Sequence[str]) -> tuple[str, ...]:
    """Read the values of ``--address``: one for each family.  Raises ValueError."""
    versions = [ip_address(each).version for each in given]
    if len(set(versions)) < len(versions):
        raise click.BadParameter("there may be one address for each family", param_hint="--address")
    return tuple(given)


def credentials_of(context: click.Context, url: str) -> Credentials:
    """Make the credentials for a server; raises InvalidToken.

    Those of the command line and the environment win; the context's are for its own server alone.
    """
    file: object = context.meta.get(TOKEN_FILE)
    text, found = os.environ.get(TOKEN_VARIABLE, ""), file if isinstance(file, Path) else None
    if not text and found is None:
        current = current_context()
        if url.rstrip("/") == (current.server or API_DEFAULT).rstrip("/"):
            text = current.token
            found = Path(current.token_file).expanduser() if current.token_file else None
    return Credentials(text, found)


def connect(context: click.Context, url: str) -> Api:
    """Make the client of a verb, without sending anything."""
    seconds: float = context.meta.get(_TIMEOUT) or 0.0
    bounds = CLI_BOUNDS
    if seconds > 0:
        silence_s = min(seconds, bounds.silence_s_max)
        bounds = replace(bounds, answer_s_max=seconds, silence_s_max=silence_s)
    credentials = credentials_of(context, url)
    return Api(url, transport=context.obj, bounds=bounds, credentials=credentials)
