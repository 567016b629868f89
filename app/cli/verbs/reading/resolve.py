"""``waypost resolve``: the answer that a program would get for a name, with each query.

name, namespace or Pod of the program -> GET /resolve -> the answer and its trace
"""

from collections.abc import Iterator

import click

from app.cli.client import Api
from app.cli.fields import Json, mapping, mappings, text, texts
from app.cli.options import after_tab, api_option, connect, namespace_option, output_option
from app.cli.output import OutputFormat, Sheet, print_result, print_sheet, say, style_of
from app.cli.setup.contexts import current_context
from app.cli.verb import verb

NOERROR = "NOERROR"


_EXAMPLES = """
waypost resolve ent -n dev                  as a Pod in the namespace dev would
waypost resolve ent --pod dev/ent-1 --explain   as this Pod would, with endpoints and advice
waypost resolve _http._tcp.ent --type SRV
waypost resolve example.com --resolver musl
"""


@verb(examples=_EXAMPLES)
@click.argument(
    "name",
    metavar="NAME",
    shell_complete=after_tab("services_completed"),
    help="As the program would write it.",
)
@namespace_option("", "Resolve as a Pod in it would.")
@click.option("--pod", default="", metavar="NS/NAME", help="Resolve as this Pod would.")
@click.option(
    "--type", "-t", "type_", default="", metavar="TYPE", help="A, AAAA, SRV, PTR, CNAME, TXT."
)
@click.option("--resolver", default="", metavar="LIBC", help="glibc, musl, musl-1.2.3, go, c-ares.")
@click.option("--explain", is_flag=True, help="Show endpoints and advice too.")
@output_option()
@api_option
@click.pass_context
def resolve(  # noqa: PLR0913  each parameter is an option of the command
    context: click.Context,
    name: str,
    *,
    namespace: str,
    pod: str,
    type_: str,
    resolver: str,
    explain: bool,
    output: OutputFormat,
    api: str,
) -> None:
    """Resolve a name as a program in a Pod would.

    Exits with 1 when the name does not resolve.
    """
    if namespace and pod:
        raise click.BadParameter("a Pod has its own namespace: give --pod or -n, not both")
    query = {
        "name": name,
        "namespace": namespace or ("" if pod else current_context().namespace),
        "pod": pod,
        "type": type_.upper(),
        "resolver": resolver,
        "explain": explain,
    }
    server = connect(context, api)
    resolution = server.ask("GET", "/resolve", query=query)
    print_result(resolution, output, print_resolution)
    if explain and not output.is_document:
        _print_unserved(server, resolution, pod)
    if text(resolution, "status") != NOERROR:
        context.exit(1)


def _print_unserved(server: Api, resolution: Json, pod: str) -> None:
    """Say if no node's rules lead to the addresses."""
    from app.cli.objects.agents import asking_node, cluster_ips, unserved  # noqa: PLC0415  rarely needed

    namespace, name = (text(resolution, "service", key) for key in ("namespace", "name"))
    addresses = cluster_ips(server, namespace, name) if name else []
    answered = [each for each in texts(resolution, "addresses") if each in addresses]
    if answered:
        node = asking_node(server, pod)
        for words in unserved(server, answered, node):
            say(("advice: ", "yellow"), words)


def print_resolution(resolution: Json) -> None:
    """Print an answer for people: the result, then the queries."""
    name, status = text(resolution, "name"), text(resolution, "status")
    answers = texts(resolution, "addresses") or tuple(
        text(record, "data") for record in mappings(resolution, "records")
    )
    say(
        (name, "bold"),
        "  ",
        (", ".join(answers), "bold green"),
        "  " if answers else "",
        (status, style_of(status)),
    )
    for label, content in _facts(resolution):
        say((f"  {label:<9}", "dim"), content)
    if queries := mappings(resolution, "queries"):
        say()
        print_sheet(_trace(queries))
    if endpoints := mappings(resolution, "endpoints"):
        say()
        print_sheet(_endpoints(endpoints))
    for advice in _advice(resolution):
        say(("advice: ", "yellow"), advice)


def _facts(resolution: Json) -> Iterator[tuple[str, str]]:
    service = mapping(resolution, "service")
    if service:
        yield "service", f"{text(service, 'name')} in {text(service, 'namespace')}"
    canonical = text(resolution, "canonicalName")
    if canonical:
        yield "name", canonical
    conf = mapping(resolution, "resolvConf")
    search = " ".join(texts(conf, "search"))
    options = ", ".join(
        option if value == "true" else f"{option}:{value}"
        for option in mapping(conf, "options")
        if (value := text(conf, "options", option))
    )
    asked = [text(resolution, "resolver"), options, f"search {search}" if search else ""]
    yield "asked by", ", ".join(part for part in asked if part)


def _trace(queries: tuple[Json, ...]) -> Sheet:
    rows = tuple(
        (
            str(number),
            *(text(query, fact) for fact in ("name", "type", "from", "rcode")),
            text(query, "answers", default="0"),
            text(query, "decision"),
        )
        for number, query in enumerate(queries, 1)
    )
    return Sheet(("#", "QUESTION", "TYPE", "FROM", "RCODE", "ANSWERS", "THEN"), rows)


def _endpoints(endpoints: tuple[Json, ...]) -> Sheet:
    rows = tuple(
        (
            text(endpoint, "address"),
            *(text(endpoint, fact) or "-" for fact in ("port", "node", "zone")),
            _state(mapping(endpoint, "conditions")),
        )
        for endpoint in endpoints
    )
    return Sheet(("ENDPOINT", "PORT", "NODE", "ZONE", "STATE"), rows)


def _state(conditions: Json) -> str:
    if text(conditions, "ready") == "true":
        return "Ready"
    return "Terminating" if text(conditions, "terminating") == "true" else "NotReady"


def _advice(resolution: Json) -> Iterator[str]:
    for entry in texts(resolution, "advice"):
        if entry:
            yield entry
    for entry in mappings(resolution, "advice"):
        yield text(entry, "message")
