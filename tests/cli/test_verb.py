"""Options are written as for kubectl."""

import click
import pytest
from click.testing import CliRunner

from app.cli.verb import BareOption, verb


@verb(examples="it --flag      the flag\n\nit -o json")
@click.argument("words", nargs=-1)
@click.option("--flag/--no-flag", "-f", default=True)
@click.option("--all", "every", is_flag=True)
@click.option("--output", "-o", default="")
@click.option("--dry-run", cls=BareOption, bare="server", default="none")
def it(words: tuple[str, ...], *, flag: bool, every: bool, output: str, dry_run: str) -> None:
    """Print what was parsed."""
    click.echo(f"{','.join(words)} {flag} {every} {output} {dry_run}")


@pytest.mark.parametrize(
    ("given", "parsed"),
    [
        ("", " True False  none"),
        ("--flag=false a", "a False False  none"),
        ("--all=true --flag=true", " True True  none"),
        ("--all=false", " True False  none"),
        ("-o=json a", "a True False json none"),
        ("-ojson --output=yaml", " True False yaml none"),
        ("--dry-run a", "a True False  server"),
        ("--dry-run=client a", "a True False  client"),
        ("a -- --all=true -o=x", "a,--all=true,-o=x True False  none"),
        ("a=b --all c=d", "a=b,c=d True True  none"),
    ],
)
def test_options_are_read_as_kubectl_reads_them(given: str, parsed: str) -> None:
    ended = CliRunner().invoke(it, given.split())
    assert (ended.exit_code, ended.output.rstrip("\n")) == (0, parsed)


def test_the_help_ends_with_examples() -> None:
    shown = CliRunner().invoke(it, ["--help"]).output
    assert shown.endswith("Examples:\n  it --flag      the flag\n\n  it -o json\n")
