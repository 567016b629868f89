"""``waypost whoami``: the user of the caller's requests.

GET /whoami -> SelfSubjectReview -> Sheet

Source: access.md 2.11.
"""

from collections.abc import Iterator

import click

from app.cli.fields import Json, mapping, text, texts
from app.cli.options import api_option, connect, output_option
from app.cli.output import OutputFormat, Sheet, print_result, print_sheet
from app.cli.verb import verb

_EXAMPLES = """
waypost whoami
waypost whoami -o yaml
"""


@verb(examples=_EXAMPLES)
@output_option()
@api_option
@click.pass_context
def whoami(context: click.Context, *, output: OutputFormat, api: str) -> None:
    """Show the user and the groups of your requests."""
    print_result(connect(context, api).ask("GET", "/whoami"), output, _print_user)


def _print_user(review: Json) -> None:
    rows = tuple(_attributes(mapping(review, "status", "userInfo")))
    print_sheet(Sheet(("ATTRIBUTE", "VALUE"), rows))


def _attributes(user: Json) -> Iterator[tuple[str, str]]:
    yield "Username", text(user, "username")
    if uid := text(user, "uid"):
        yield "UID", uid
    yield "Groups", f"[{' '.join(texts(user, 'groups'))}]"
    for key in sorted(mapping(user, "extra")):
        yield f"Extra: {key}", f"[{' '.join(texts(user, 'extra', key))}]"
