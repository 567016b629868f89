"""Everything there is to say of one object, on one page.

object -> head, fields, conditions;  of a Service also names, addresses, endpoints and reasons
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

from app.cli.ages import age
from app.cli.client import Api
from app.cli.columns import sheet
from app.cli.fields import Json, mapping, mappings, text, texts
from app.cli.kinds import SERVICE_NAME, Kind, kind_named
from app.cli.objects.agents import unserved
from app.cli.output import Sheet, print_sheet, say
from app.cli.printing.described import Line, lines_of, words_of
from waypost.client.errors import WaypostError
from waypost.client.paths import path_of

_NOT_SHOWN = ("apiVersion", "kind", "metadata")
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_SERVICE_LABEL = "kubernetes.io/service-name"


def describe_object(server: Api, kind: Kind, document: Json) -> None:
    """Print an object, and what belongs to it."""
    lines = [*_head(document), *_fields(document)]
    for line in words_of(lines):
        say(line)
    _print_conditions(document)
    if kind.name == SERVICE_NAME:
        _describe_service(server, document)
    elif kind.name == "Pod":
        _print_services_of(server, document)


def _head(document: Json) -> Iterator[Line]:
    metadata = mapping(document, "metadata")
    yield 0, "Name", text(metadata, "name")
    if namespace := text(metadata, "namespace"):
        yield 0, "Namespace", namespace
    notes = mapping(metadata, "annotations")
    yield 0, "Labels", _pairs(mapping(metadata, "labels"), "=")
    shown = {key: value for key, value in notes.items() if key != _LAST_APPLIED}
    yield 0, "Annotations", _pairs(shown, ": ")
    created = text(metadata, "creationTimestamp")
    if created:
        yield 0, "Created", f"{created} ({age(created, datetime.now(UTC))} ago)"
    if deleted := text(metadata, "deletionTimestamp"):
        yield 0, "Terminating", f"since {deleted}"
    for owner in mappings(metadata, "ownerReferences"):
        yield 0, "Controlled By", f"{text(owner, 'kind')}/{text(owner, 'name')}"


def _fields(document: Json) -> Iterator[Line]:
    rest = {key: value for key, value in document.items() if key not in _NOT_SHOWN}
    status = {key: value for key, value in mapping(rest, "status").items() if key != "conditions"}
    rest.pop("status", None)
    yield from lines_of({**rest, "status": status} if status else rest)


def _pairs(values: Json, between: str) -> str:
    return ", ".join(f"{key}{between}{text(values, key)}" for key in sorted(values)) or "<none>"


def _print_conditions(document: Json) -> None:
    conditions = mappings(document, "status", "conditions")
    if conditions:
        rows = tuple(
            tuple(text(each, key) or "-" for key in ("type", "status", "reason", "message"))
            for each in conditions
        )
        _titled("Conditions", Sheet(("TYPE", "STATUS", "REASON", "MESSAGE"), rows))


def _describe_service(server: Api, document: Json) -> None:
    namespace, name = (text(document, "metadata", key) for key in ("namespace", "name"))
    _print_names(server, namespace, name)
    _print_slices(server, namespace, name)
    explanation: Json = {}
    with suppress(WaypostError):
        explanation = server.ask("GET", f"{path_of('services', namespace, name)}/explain")
    pods = mappings(explanation, "pods")
    if summary := text(explanation, "summary"):
        say()
        say((summary, "bold"))
    rows = tuple((text(pod, "pod", "name"), text(pod, "verdict"), _reasons(pod)) for pod in pods)
    if rows:
        print_sheet(Sheet(("POD", "VERDICT", "WHY"), rows))
    addresses = [each for each in texts(document, "spec", "clusterIPs") if each != "None"]
    for words in unserved(server, addresses):
        say(("advice: ", "yellow"), words)


def _reasons(pod: Json) -> str:
    return "; ".join(text(reason, "message") for reason in mappings(pod, "reasons"))


def _print_names(server: Api, namespace: str, name: str) -> None:
    """Print what the name resolves to in its namespace, and the whole name."""
    try:
        found = server.ask("GET", "/resolve", query={"name": name, "namespace": namespace})
    except WaypostError:
        return
    answers = ", ".join(texts(found, "addresses")) or text(found, "status")
    canonical = text(found, "canonicalName") or name
    _titled("Names", Sheet(("NAME", "ANSWER"), ((canonical, answers),)))


def _print_slices(server: Api, namespace: str, name: str) -> None:
    kind = kind_named("EndpointSlice")
    query = {"namespace": namespace, "labelSelector": f"{_SERVICE_LABEL}={name}"}
    try:
        slices = mappings(server.ask("GET", f"/{kind.plural}", query=query), "items")
    except WaypostError:
        return
    if slices:
        _titled("Endpoints", sheet(list(slices), kind, datetime.now(UTC)))


def _print_services_of(server: Api, document: Json) -> None:
    """Print the Services that have the Pod among their endpoints."""
    namespace, name = (text(document, "metadata", key) for key in ("namespace", "name"))
    try:
        query = {"namespace": namespace}
        slices = mappings(server.ask("GET", "/endpointslices", query=query), "items")
    except WaypostError:
        return
    services = {
        text(each, "metadata", "labels", _SERVICE_LABEL)
        for each in slices
        for endpoint in mappings(each, "endpoints")
        if text(endpoint, "targetRef", "name") == name
        and text(endpoint, "targetRef", "kind") == "Pod"
    }
    say()
    say(("Endpoint of  ", "bold"), ", ".join(sorted(filter(None, services))) or "<none>")


def _titled(title: str, rows: Sheet) -> None:
    say()
    say((f"{title}:", "bold"))
    print_sheet(rows)
