"""``waypost top``: what a server does just now: rates, lag, watchers and rules.

GET /metrics, twice -> Sheet

Other than kubectl's, it is of the server and of nodes' rules: nothing here measures Pods.
"""

import time
from collections.abc import Iterator, Sequence
from itertools import count

import click

from app.cli.client import Api
from app.cli.kinds import kind_named
from app.cli.options import api_option, connect
from app.cli.output import Sheet, print_sheet, say
from app.cli.printing.metrics import Sample, rate, samples_of, total
from app.cli.setup.durations import DurationType
from app.cli.verb import verb

_EXAMPLES = """
waypost top                    rates within a second
waypost top --interval 10s     within ten
waypost top nodes              the revision of each node's rules alone
waypost top -w                 again and again, until Ctrl-C
"""
_RATES: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("requests", "waypost_http_requests_total", {}),
    ("requests that failed (5xx)", "waypost_http_requests_total", {"code": "5"}),
    ("writes", "waypost_writes_total", {}),
    ("events to watchers", "waypost_watch_events_total", {}),
    ("heartbeats", "waypost_lease_renewals_total", {}),
    ("questions of DNS", "coredns_dns_requests_total", {}),
    ("computations of rules", "waypost_rule_computation_duration_seconds_count", {}),
    ("refusals at a bound", "waypost_bound_refusals_total", {}),
)
_VALUES = (
    ("watchers", "waypost_watchers", ""),
    ("revision", "waypost_revision", ""),
    ("behind the database, revisions", "waypost_view_lag_revisions", ""),
    ("since the last look at it", "waypost_view_lag_seconds", " s"),
    ("leases", "waypost_leases", ""),
    ("Pods without heartbeats", "waypost_lapsed_pods", ""),
    ("memory", "process_resident_memory_bytes", " MiB"),
)
_MIB = 1 << 20


@verb(examples=_EXAMPLES)
@click.argument("kind", metavar="[nodes]", required=False, help="Only the rules of nodes.")
@click.option(
    "--interval",
    "interval_s",
    type=DurationType(),
    default="1s",
    show_default=True,
    metavar="DURATION",
    help="Between two looks.",
)
@click.option("--watch", "-w", is_flag=True, help="Look again and again; Ctrl-C ends it.")
@api_option
@click.pass_context
def top(
    context: click.Context, kind: str | None, *, interval_s: float, watch: bool, api: str
) -> None:
    """Show what the server does just now: rates, lag, watchers and the rules of nodes."""
    if interval_s <= 0:
        raise click.BadParameter("--interval must be longer than nothing")
    if kind and kind_named(kind).name != "Node":
        raise click.BadParameter("nothing here measures that: top is of the server and of nodes")
    server = connect(context, api)
    before, began_s = _look(server)
    for number in count():
        time.sleep(interval_s)
        after, now_s = _look(server)
        if number:
            say()
        if not kind:
            _print(before, after, now_s - began_s)
        _print_nodes(after, is_alone=bool(kind))
        before, began_s = after, now_s
        if not watch:
            return


def _look(server: Api) -> tuple[list[Sample], float]:
    return samples_of(server.read_text("/metrics")), time.monotonic()


def _print(before: Sequence[Sample], after: Sequence[Sample], seconds: float) -> None:
    print_sheet(Sheet(("WHAT", "NOW"), (*_rates(before, after, seconds), *_values(after))))


def _print_nodes(samples: Sequence[Sample], *, is_alone: bool) -> None:
    rows = tuple(_nodes(samples))
    if rows:
        if not is_alone:
            say()
        print_sheet(Sheet(("NODE", "REVISION", "BEHIND", "ASKED"), rows))
    elif is_alone:
        say("no node has asked this server for its rules", to_stderr=True)


def _rates(
    before: Sequence[Sample], after: Sequence[Sample], seconds: float
) -> Iterator[tuple[str, str]]:
    for words, name, labels in _RATES:
        yield words, f"{rate(before, after, seconds, name, **labels):.1f} /s"


def _values(samples: Sequence[Sample]) -> Iterator[tuple[str, str]]:
    known = {each.name for each in samples}
    for words, name, unit in _VALUES:
        if name in known:
            value = total(samples, name) / (_MIB if unit == " MiB" else 1)
            yield words, f"{value:.0f}{unit}" if unit != " s" else f"{value:.1f}{unit}"
    for each in sorted(samples, key=lambda each: each.labels.get("kind", "")):
        if each.name == "waypost_objects" and each.value:
            yield f"objects, {each.labels.get('kind', '')}", f"{each.value:.0f}"


def _nodes(samples: Sequence[Sample]) -> Iterator[tuple[str, ...]]:
    """Give the revision whose rules each node has, and how long ago it asked."""
    revision, now_s = total(samples, "waypost_revision"), time.time()
    asked_s = {
        each.labels.get("node", ""): each.value
        for each in samples
        if each.name == "waypost_node_asked_timestamp_seconds"
    }
    for each in samples:
        if each.name == "waypost_node_revision":
            node = each.labels.get("node", "")
            ago = f"{max(0, now_s - asked_s[node]):.0f} s ago" if node in asked_s else "-"
            yield node, f"{each.value:.0f}", f"{max(0, revision - each.value):.0f}", ago
