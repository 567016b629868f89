"""``waypost rules``: the rules of a node's kernel.

node -> GET /nodes/{name}/ipvs     -> a table of virtual servers
node, part -> GET .../ipvs.txt     -> text that the kernel's tools load
"""

from collections.abc import Iterator
from enum import StrEnum

import click

from app.cli.fields import Json, mapping, mappings, text, texts
from app.cli.options import after_tab, api_option, connect, output_option
from app.cli.output import (
    OutputFormat,
    Sheet,
    print_result,
    print_sheet,
    print_text,
    say,
)
from app.cli.verb import verb
from waypost.client.paths import path_of


class RulesPart(StrEnum):
    """The loadable texts of rules; ``nftables`` is that of the other mode."""

    SCRIPT = "script"
    IPVSADM = "ipvsadm"
    IPSET = "ipset"
    IPTABLES = "iptables"
    IP6TABLES = "ip6tables"
    IP = "ip"
    SYSCTL = "sysctl"
    NFTABLES = "nftables"


part_option = click.option(
    "--part",
    type=click.Choice(RulesPart, case_sensitive=False),
    help="Print the loadable text of this part instead of a table.",
)


_EXAMPLES = """
waypost rules n1                       the virtual servers of a node
waypost rules n1 --part script | sh    loads them
waypost rules n1 --part nftables       those of the other mode
"""


@verb(examples=_EXAMPLES)
@click.argument(
    "node", metavar="NODE", shell_complete=after_tab("nodes_completed"), help="The node's name."
)
@part_option
@output_option()
@api_option
@click.pass_context
def rules(
    context: click.Context, node: str, *, part: RulesPart | None, output: OutputFormat, api: str
) -> None:
    """Show the rules of a node's kernel."""
    server, path = connect(context, api), path_of("nodes", "", node)
    if part is RulesPart.NFTABLES:
        print_text(server.read_text(f"{path}/nftables"))
    elif part is not None:
        print_text(server.read_text(f"{path}/ipvs.txt", query={"part": part.value}))
    else:
        found = server.ask("GET", f"{path}/ipvs")
        print_result(found, output, print_rules)
        if not output.is_document:
            say(("load ", "dim"), f"on {node}: waypost rules {node} --part script | sh")


def print_rules(found: Json) -> None:
    """Print a node's rules for people."""
    revision = text(found, "resourceVersion")
    servers = mappings(found, "virtualServers")
    say(("node ", "dim"), (text(found, "node"), "bold"), (f"  revision {revision}", "dim"))
    interface = mapping(found, "dummyInterface")
    addresses = ", ".join(texts(interface, "addresses")) or "no address"
    say((f"{text(interface, 'name')} ", "dim"), addresses)
    say()
    if servers:
        print_sheet(_virtual_servers(servers))
        say()
    entries = ", ".join(
        f"{text(each, 'name')} ({number})"
        for each in mappings(found, "ipsets")
        if (number := len(texts(each, "entries")))
    )
    if entries:
        say(("sets ", "dim"), entries)
    for remark in _remarks(found):
        say(("note ", "yellow"), remark)


def _remarks(found: Json) -> Iterator[str]:
    for conflict in mappings(found, "conflicts"):
        where = _joined(text(conflict, "address", default="") or "*", text(conflict, "port"))
        winner, loser = _named(mapping(conflict, "winner")), _named(mapping(conflict, "loser"))
        yield f"{where} {text(conflict, 'protocol')} is claimed twice: {winner} has it, {loser} not"
    for notice in mappings(found, "notices"):
        yield f"{_named(mapping(notice, 'service'))}: {text(notice, 'message')}"
    for direction in ("internal", "external"):
        for service in texts(found, "noLocalEndpoints", direction):
            yield f"{service} has no endpoint here, which its {direction}TrafficPolicy asks for"


def _virtual_servers(servers: tuple[Json, ...]) -> Sheet:
    rows = tuple(row for server in servers for row in _rows(server))
    return Sheet(
        ("VIRTUAL SERVER", "PROTOCOL", "SERVICE", "SCHEDULER", "REAL SERVER", "WEIGHT"), rows
    )


def _rows(server: Json) -> Iterator[tuple[str, ...]]:
    named = _named(mapping(server, "service"))
    port_name = text(server, "portName")
    head = (
        _joined(text(server, "address"), text(server, "port")),
        text(server, "protocol"),
        f"{named}:{port_name}" if port_name else named,
        text(server, "scheduler"),
    )
    reals = [
        (_joined(text(real, "address"), text(real, "port")), text(real, "weight"))
        for real in mappings(server, "realServers")
    ]
    for place, real in enumerate(reals or [("<none>", "")]):
        yield (*(head if place == 0 else ("", "", "", "")), *real)


def _named(service: Json) -> str:
    return f"{text(service, 'namespace')}/{text(service, 'name')}" if service else "-"


def _joined(address: str, port: str) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
