"""``waypost wait``: waits until objects are as somebody wants them.

objects, --for -> "service/ent condition met", or exit code 1 after the timeout

Source: kubectl `pkg/cmd/wait/wait.go`.
"""

import time

import click

from app.cli.objects.chosen import Choice, choice_options, words_argument
from app.cli.options import api_option, connect
from app.cli.output import print_failure, print_refusal, say
from app.cli.printing.progress import waiting
from app.cli.setup.durations import WEEK_S, DurationType
from app.cli.verb import verb
from app.cli.waiting.awaiting import comes_about
from app.cli.waiting.conditions import awaited_of
from waypost.client.errors import Refused

_EXAMPLES = """
waypost wait po ent-1 --for=condition=Ready               exits with 0 when it is ready
waypost wait po -l app=ent --for=condition=Ready --timeout=2m
waypost wait po ent-1 --for=delete                        until it is gone
waypost wait svc ent --for=jsonpath='{.spec.type}'=NodePort
waypost wait svc ent --for=create --timeout=10s           until there is one
"""


@verb(examples=_EXAMPLES)
@words_argument
@choice_options
@click.option(
    "--for", "what", required=True, metavar="WHAT", help="condition=, jsonpath=, delete or create."
)
@click.option(
    "--timeout",
    "timeout_s",
    type=DurationType(),
    default="30s",
    show_default=True,
    metavar="DURATION",
    help="0 checks once; a negative one is a week.",
)
@api_option
@click.pass_context
def wait(context: click.Context, *, choice: Choice, what: str, timeout_s: float, api: str) -> None:
    """Wait until objects have a condition or a value, exist, or are gone."""
    awaited = awaited_of(what)
    server = connect(context, api)
    targets = choice.targets(server)
    if not targets:
        print_failure("no matching resources found")
        context.exit(1)
    until_s = time.monotonic() + (WEEK_S if timeout_s < 0 else timeout_s)
    failed = False
    for target in targets:
        wanted = target.named
        try:
            with waiting(f"waiting for {wanted.title}"):
                is_so = comes_about(server, wanted, awaited, until_s)
        except Refused as refusal:
            print_refusal(refusal.status)
            failed = True
            continue
        if is_so:
            say(f"{wanted.title} condition met")
        else:
            on = f"{wanted.kind.plural}/{wanted.name}"
            print_failure(f"timed out waiting for the condition on {on}")
            failed = True
    if failed:
        context.exit(1)
