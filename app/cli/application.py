"""The command line of the client's verbs; a verb is imported when it runs, or is described.

``app.__main__`` adds the commands that need the composition root (``serve``,
``migrate``, ...); nothing here can reach the database or the server's code.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Final

import click

from app.cli.failures import worded

_ROOMS: Final[Mapping[str, tuple[str, ...]]] = {
    "writing": (
        *("apply", "create", "replace", "edit", "patch"),
        *("label", "annotate", "delete"),
    ),
    "reading": (
        *("get", "describe", "resolve", "explain", "rules", "watch"),
        *("wait", "diff", "render", "top", "api-resources", "version"),
    ),
    "settings": ("config", "whoami", "can-i", "auth", "token", "completion"),
}
VERBS: Final[Mapping[str, str]] = {
    name: f"app.cli.verbs.{room}.{name.replace('-', '_')}"
    for room, names in _ROOMS.items()
    for name in names
}
"""The module of each verb; the command has the verb's name there."""


class Commands(click.Group):
    """Commands by the modules that have them, each imported when it is needed."""

    def __init__(
        self,
        modules: Mapping[str, str],
        *,
        callback: Callable[..., None] | None = None,
        params: Sequence[click.Parameter] = (),
    ) -> None:
        """Run ``callback`` before any command, and without one, with ``params``."""
        super().__init__(
            name="waypost",
            help="The Kubernetes service network without Kubernetes.",
            callback=callback,
            params=list(params),
            invoke_without_command=callback is not None,
            context_settings={"help_option_names": ["-h", "--help"]},
        )
        self._modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands, in their order."""
        return list(self._modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        module = self._modules.get(cmd_name)
        if module is None:
            return None
        command: click.Command = getattr(import_module(module), cmd_name.replace("-", "_"))
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command of the first word; names the nearest ones for an unknown word."""
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:
            name = error.command_name
            raise click.exceptions.NoSuchCommand(name, None, self._modules, ctx) from None

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; print what it is refused."""
        with worded():
            return super().invoke(ctx)


def client_verbs() -> Commands:
    """Make the command line with the verbs of clients."""
    return Commands(VERBS)
