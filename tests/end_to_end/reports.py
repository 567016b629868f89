"""What people reported elsewhere, as cases: manifests, requests, and what must come back.

    case -> Server (HTTP and DNS) -> Answers -> differences from what is expected

``tests/vectors/bugs.json`` says in its ``meta`` how a case is read.  Paths of JSON
are ``spec.ports[0].nodePort``, ``items[*].name`` and ``ports[port=80].name``.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rrset
import httpx

Json = Any
"""What a JSON document holds; cases are checked by what they lead to, not by their types."""

CASES: Final[list[dict[str, Json]]] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "bugs.json").read_text()
)["cases"]
ANSWER_S_MAX = 15.0
SHOWN_MAX = 500  # characters of an answer in a report
BIG_SERVICE_SLICES, BIG_SERVICE_ENDPOINTS = 10, 100  # of the case that is written in words
_STEP = re.compile(r"([^.\[\]]+)|\[([^\]]*)\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where a Waypost answers."""

    client: httpx.AsyncClient
    dns_port: int


Answer = httpx.Response | dns.message.Message | None


def case_named(name: str) -> Mapping[str, Json]:
    """Find a case by its id."""
    return next(case for case in CASES if case["id"] == name)


async def prepared(server: Server, case: Mapping[str, Json]) -> None:
    """Bring a server to where the case begins; fails when it does not take that."""
    for step in case["setup"]:
        if isinstance(step, str):
            await _require(server.client.post("/apply", json=_big_service()))
        elif "method" in step:
            await _require(_sent(server.client, step))
        else:
            await _require(server.client.post("/apply", json=step))


async def answers(server: Server, case: Mapping[str, Json]) -> list[Answer]:
    """Ask what the case asks, one after the other."""
    found: list[Answer] = []
    for request in case["requests"]:
        if "sleep" in request:  # the time that an upstream's answer may be kept
            await asyncio.sleep(request["sleep"])
            found.append(None)
        elif "dns" in request:
            found.append(await _asked(server.dns_port, request["dns"]))
        else:
            found.append(await _sent(server.client, request))
    return found


def differences(case: Mapping[str, Json], found: Sequence[Answer], *, log: str = "") -> list[str]:
    """List in which way answers are not what the case expects; none when they are."""
    return [
        words for check in case["expect"]["checks"] for words in _differences(check, found, log)
    ]


def _differences(check: Mapping[str, Json], found: Sequence[Answer], log: str) -> Iterator[str]:
    if "same" in check:
        first, second, path = check["same"]
        before, after = (
            _at(_body(found[int(i)]), path.removeprefix("json.")) for i in (first, second)
        )
        yield from _compared(path, before, after)
    elif "log" in check:
        yield from _compared("log", {"$contains": check["log"]}, log)
    elif "log_absent" in check:
        yield from _compared("log", {"$lacks": check["log_absent"]}, log)
    elif isinstance(answer := found[int(check.get("request", 0))], httpx.Response):
        yield from _http_differences(check, answer)
    else:
        assert answer is not None, "a pause has no answer"
        for part, wanted in check["dns"].items():
            yield from _compared(f"dns {part}", wanted, _part(answer, part))


def _http_differences(check: Mapping[str, Json], answer: httpx.Response) -> Iterator[str]:
    if "status" in check and answer.status_code != check["status"]:
        yield f"status {answer.status_code}, not {check['status']}: {answer.text}"
        return
    for name, wanted in check.get("header", {}).items():
        yield from _compared(f"header {name}", wanted, answer.headers.get(name, ""))
    for text in check.get("contains", ()):
        yield from _compared("body", {"$contains": text}, answer.text)
    for path, wanted in check.get("json", {}).items():
        yield from _compared(path, wanted, _at(answer.json(), path))


def _compared(path: str, wanted: Json, actual: Json) -> Iterator[str]:
    ((operator, argument),) = _written(wanted).items()
    if not _OPERATORS[operator](actual, argument):
        yield f"{path}: expected {wanted}, got {str(actual)[:SHOWN_MAX]}"


def _written(wanted: Json) -> Mapping[str, Json]:
    return cast("Mapping[str, Json]", wanted) if isinstance(wanted, dict) else {"": wanted}


def _as_set(values: Iterable[Json]) -> set[str]:
    return {json.dumps(value, sort_keys=True) for value in values}


_OPERATORS: Final[Mapping[str, Callable[[Json, Json], bool]]] = {
    "": lambda actual, wanted: actual == wanted,
    "$len": lambda actual, wanted: len(actual) == wanted,
    "$set": lambda actual, wanted: _as_set(actual) == _as_set(wanted),
    "$contains": lambda actual, wanted: wanted in actual,
    "$lacks": lambda actual, wanted: wanted not in actual,
}


def _at(value: Json, path: str) -> Json:
    """Find what is at a path; behind ``[*]`` and ``[key=value]`` it is a list of what is there."""
    values: list[Json] = [value]
    for name, inner in _STEP.findall(path):
        key, is_choice, wanted = inner.partition("=")
        if name:
            values = [each[name] for each in values if name in each]
        elif inner == "*":
            values = [entry for each in values for entry in each]
        elif is_choice:
            values = [entry for each in values for entry in each if str(entry[key]) == wanted]
        else:
            values = [each[int(inner)] for each in values]
    return values if "[*]" in path else next(iter(values), None)


def _part(answer: dns.message.Message, part: str) -> Json:
    match part:
        case "rcode":
            return dns.rcode.to_text(answer.rcode())
        case "tc":
            return bool(answer.flags & dns.flags.TC)
        case "data" | "answer":
            return _data(answer.answer)
        case "authority":
            return _data(answer.authority)
        case _:
            raise AssertionError(f"unknown part {part}")


def _data(section: Iterable[dns.rrset.RRset]) -> list[str]:
    """Write records as ``TYPE data``."""
    lines = (line.split(None, 4) for rrset in section for line in rrset.to_text().splitlines())
    return [f"{type_} {data}" for _, _, _, type_, data in lines]


def _body(answer: Answer) -> Json:
    assert isinstance(answer, httpx.Response)
    return answer.json()


async def _asked(port: int, question: Mapping[str, Json]) -> dns.message.Message:
    asking = dns.message.make_query(
        question["name"], question.get("type", "A"), use_edns=0 if "edns" in question else False
    )
    if "edns" in question:
        asking.use_edns(payload=question["edns"])
    if question.get("tcp"):
        return await asyncio.to_thread(dns.query.tcp, asking, "127.0.0.1", ANSWER_S_MAX, port)
    return await asyncio.to_thread(dns.query.udp, asking, "127.0.0.1", ANSWER_S_MAX, port)


async def _sent(client: httpx.AsyncClient, request: Mapping[str, Json]) -> httpx.Response:
    body = json.dumps(request["body"]) if "body" in request else request.get("text")
    headers = {"content-type": "application/json", **request.get("headers", {})}
    return await client.request(
        request["method"], request["path"], content=body, headers=headers if body else None
    )


async def _require(sending: Awaitable[httpx.Response]) -> None:
    response = await sending
    assert response.is_success, response.text


def _big_service() -> Mapping[str, Json]:
    """Make the Service of a thousand named endpoints that one case describes in words."""
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "big"},
        "spec": {"clusterIP": "None", "ports": [{"name": "x", "port": 1}]},
    }
    slices = [
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": f"big-{number}", "labels": {"kubernetes.io/service-name": "big"}},
            "addressType": "IPv4",
            "ports": [{"name": "x", "port": 1, "protocol": "TCP"}],
            "endpoints": [
                {
                    "addresses": [f"10.240.{number}.{last}"],
                    "hostname": f"w-{number * BIG_SERVICE_ENDPOINTS + last}",
                }
                for last in range(1, BIG_SERVICE_ENDPOINTS + 1)
            ],
        }
        for number in range(BIG_SERVICE_SLICES)
    ]
    return {"apiVersion": "v1", "kind": "List", "items": [service, *slices]}
