"""``waypost delete``: deletes objects, by name, by selectors, all of a kind, or those of files.

words and options -> one DELETE each, referring objects before those they refer to

Source: kubectl `pkg/cmd/delete/delete.go`.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass

import click

from app.cli.changing.outcomes import print_outcome
from app.cli.client import Api
from app.cli.fields import Json, mappings, text
from app.cli.kinds import ENDPOINTS, KINDS, kind_named
from app.cli.objects.arguments import Named, named
from app.cli.objects.chosen import Choice, choice_options, words_argument
from app.cli.objects.lists import with_hint
from app.cli.options import DryRun, api_option, connect, dry_run_option
from app.cli.output import OutputFormat, print_failure, print_refusal, print_text, say, visible
from app.cli.printing.forms import Form, Printed, form_option
from app.cli.printing.progress import waiting
from app.cli.setup.durations import WEEK_S, DurationType
from app.cli.verb import verb
from waypost.client.errors import NotFound, Refused
from waypost.client.http.queries import Parameters

_NOW_S = 1  # the grace period of --now
_EXAMPLES = """
waypost delete svc ent                   one Service
waypost delete po ent-1 ent-2 --now      two Pods, which end within a second
waypost delete po -l app=ent -n dev      those with a label
waypost delete svc,po --all              all of the namespace
waypost delete -f examples/ -R           the objects of manifests
waypost delete -k overlays/dev --dry-run what kustomize builds of a folder; nothing is deleted
"""


@dataclass(frozen=True, slots=True)
class _How:
    """How objects are deleted, and what is printed of it."""

    grace_period_s: int | None
    ignores_missing: bool
    dry_run: DryRun
    form: Form
    cascade: str = ""

    @property
    def query(self) -> Parameters:
        policy = self.cascade.capitalize()
        query = {**self.dry_run.query, "gracePeriodSeconds": self.grace_period_s}
        return {**query, "propagationPolicy": policy} if policy else query


@verb(examples=_EXAMPLES)
@words_argument
@choice_options
@click.option(
    "--grace-period",
    "grace_period_s",
    type=click.IntRange(min=-1),
    metavar="SECONDS",
    help="How long a Pod keeps terminating; -1 is its own time.",
)
@click.option("--now", is_flag=True, help="The same as --grace-period=1.")
@click.option("--force", is_flag=True, help="The same as --grace-period=0.")
@click.option("--wait", is_flag=True, help="Until Pods that terminate are gone.")
@click.option(
    "--timeout",
    "timeout_s",
    type=DurationType(),
    default="0",
    metavar="DURATION",
    help="How long --wait waits; 0 is a week.",
)
@click.option(
    "--cascade",
    type=click.Choice(["background", "foreground", "orphan"]),
    default=None,
    help="What becomes of dependents.",
)
@click.option("--ignore-not-found", is_flag=True, help="A missing object counts as deleted.")
@dry_run_option
@form_option
@api_option
@click.pass_context
def delete(  # noqa: PLR0913  each parameter is an option of the command
    context: click.Context,
    *,
    choice: Choice,
    grace_period_s: int | None,
    now: bool,
    force: bool,
    wait: bool,
    timeout_s: float,
    cascade: str | None,
    ignore_not_found: bool,
    dry_run: DryRun,
    output: Form,
    api: str,
) -> None:
    """Delete objects: named ones, selected ones, or those of manifests."""
    if not output.is_table and output.name is not Printed.NAME:
        raise click.BadParameter("what is deleted is printed as a line, or as -o name")
    grace_s = _grace_s(grace_period_s, is_now=now, is_forced=force)
    how = _How(grace_s, ignore_not_found or choice.is_every, dry_run, output, cascade or "")
    server = connect(context, api)
    targets = [target.named for target in choice.targets(server)]
    if not targets:
        say("nothing to delete", to_stderr=True)
    results = [_delete(server, each, how) for each in _in_order(targets, choice)]
    are_gone = not wait or dry_run is not DryRun.NONE or _await_gone(server, targets, timeout_s)
    if not (all(results) and are_gone):
        context.exit(1)


def _await_gone(server: Api, targets: Iterable[Named], timeout_s: float) -> bool:
    """Wait until objects are gone; returns whether they are."""
    from app.cli.waiting.awaiting import comes_about  # noqa: PLC0415  rarely needed
    from app.cli.waiting.conditions import awaited_of  # noqa: PLC0415

    until_s = time.monotonic() + (timeout_s if timeout_s > 0 else WEEK_S)
    gone = awaited_of("delete")
    for target in targets:
        with waiting(f"waiting until {target.title} is gone"):
            is_gone = comes_about(server, target, gone, until_s)
        if not is_gone:
            print_failure(f"timed out waiting for the deletion of {target.title}")
            return False
    return True


def _grace_s(given: int | None, *, is_now: bool, is_forced: bool) -> int | None:
    if is_now and given is not None and given != -1:
        raise click.BadParameter("--now and --grace-period cannot be specified together")
    if is_now:
        return _NOW_S
    if given is None or given == -1:
        return 0 if is_forced else None
    if is_forced and given:
        raise click.BadParameter("--force and --grace-period greater than 0 exclude each other")
    return given


def _in_order(targets: Iterable[Named], choice: Choice) -> list[Named]:
    """Put objects that refer to others before them, Endpoints first; names stay as given."""
    if choice.words and not choice.selects:
        return list(targets)
    order = (ENDPOINTS, *reversed(KINDS))
    return sorted(targets, key=lambda target: order.index(target.kind))


def _delete(server: Api, target: Named, how: _How) -> bool:
    """Delete one object and print the result; returns whether it is gone or terminating."""
    if target.kind == ENDPOINTS:
        return _delete_mirrored(server, target, how)
    try:
        answer = server.ask("DELETE", target.path, query=how.query)
    except NotFound as missing:
        if how.ignores_missing:
            return True
        print_refusal(with_hint(server, missing, target).status)
        return False
    except Refused as refusal:
        print_refusal(refusal.status)
        return False
    if how.form.name is not OutputFormat.TABLE:
        print_text(visible(target.title))
        return True
    word, style = _outcome(answer)
    print_outcome(target, word, is_dry=how.dry_run is not DryRun.NONE, style=style)
    return True


def _delete_mirrored(server: Api, target: Named, how: _How) -> bool:
    """Delete the slices that mirror an Endpoints object, if there are any."""
    # Kinds are slow to load, which deleting by name need not spend.
    from app.domain.objects.endpoint_slice import (  # noqa: PLC0415
        MANAGED_BY_LABEL,
        MIRRORED_BY,
        SERVICE_NAME_LABEL,
    )

    slices_kind = kind_named("EndpointSlice")
    selector = f"{SERVICE_NAME_LABEL}={target.name},{MANAGED_BY_LABEL}={MIRRORED_BY}"
    asked = {"namespace": target.namespace, "labelSelector": selector}
    found = mappings(server.ask("GET", f"/{slices_kind.plural}", query=asked), "items")
    slices = [
        named(slices_kind, target.namespace, text(each, "metadata", "name")) for each in found
    ]
    if not slices:
        say(f"endpoints/{target.name}: nothing is mirrored from it in {target.namespace}")
    # A slice may be deleted meanwhile, for instance with its Service.
    gone_counts = _How(how.grace_period_s, True, how.dry_run, how.form)  # noqa: FBT003
    results = [_delete(server, each, gone_counts) for each in slices]
    return all(results)


def _outcome(answer: Json) -> tuple[str, str]:
    """Word whether the object is gone or a Pod that is still terminating."""
    grace_s = text(answer, "metadata", "deletionGracePeriodSeconds", default="0")
    if grace_s != "0":
        return f"terminating for {grace_s} s", "yellow"
    return "deleted", "red"
