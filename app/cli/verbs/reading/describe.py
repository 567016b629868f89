"""``waypost describe``: everything there is to say of objects.

objects -> one page each: fields, conditions, names, endpoints and why they are those

Source: kubectl `pkg/cmd/describe/describe.go`; a name may be the beginning of several.
"""

from dataclasses import replace

import click

from app.cli.client import Api
from app.cli.fields import mappings, text
from app.cli.objects.chosen import Choice, Target, choice_options, words_argument
from app.cli.objects.describing import describe_object
from app.cli.objects.lists import Scope, listed, read
from app.cli.options import api_option, connect
from app.cli.output import print_refusal, say
from app.cli.verb import verb
from waypost.client.errors import NotFound

_EXAMPLES = """
waypost describe svc ent          fields, names, address, endpoints, and why they are those
waypost describe po ent           every Pod whose name begins with ent, if none is ent itself
waypost describe no               all nodes
waypost describe svc -l app=ent -n dev
"""


@verb(examples=_EXAMPLES)
@words_argument
@choice_options
@api_option
@click.pass_context
def describe(context: click.Context, *, choice: Choice, api: str) -> None:
    """Show everything there is to say of objects."""
    server = connect(context, api)
    failed, is_first = False, True
    for target in replace(choice, is_every=choice.has_whole_kinds).targets(server):
        try:
            found = _found(server, target)
        except NotFound as missing:
            print_refusal(missing.status)
            failed = True
            continue
        for each in found:
            if not is_first:
                say()
                say()
            is_first = False
            describe_object(server, target.named.kind, each.listed or {})
    if is_first and not failed:
        say("no objects are there", to_stderr=True)
    if failed:
        context.exit(1)


def _found(server: Api, target: Target) -> list[Target]:
    """Read an object, or those whose names begin so; raises NotFound."""
    wanted = target.named
    try:
        return [replace(target, listed=read(server, wanted))]
    except NotFound:
        candidates = listed(server, wanted.kind, Scope(wanted.namespace))
        begun = [
            replace(target, listed=each)
            for each in mappings(candidates, "items")
            if text(each, "metadata", "name").startswith(wanted.name)
        ]
        if not begun:
            raise
        return begun
