"""``waypost completion``: the script by which a shell completes words after TAB.

    shell -> script

The script asks ``waypost`` itself, which asks the server for names.
"""

import click

from app.cli.output import print_text
from app.cli.verb import verb

_EXAMPLES = """
source <(waypost completion bash)                               for this shell
waypost completion bash > /etc/bash_completion.d/waypost        for all
waypost completion zsh > "${fpath[1]}/_waypost"
waypost completion fish > ~/.config/fish/completions/waypost.fish
"""
_PROGRAM = "waypost"
_VARIABLE = "_WAYPOST_COMPLETE"


@verb(examples=_EXAMPLES)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]), help="The shell.")
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script for a shell's completion of commands, kinds and names."""
    from click.shell_completion import get_completion_class  # noqa: PLC0415  rarely needed

    made = get_completion_class(shell)
    assert made is not None
    print_text(made(context.find_root().command, {}, _PROGRAM, _VARIABLE).source())
