"""Resolve shows the answer first, then every query."""

import json

import pytest

from app.cli.fields import Json
from tests.cli.fake_server import FakeServer, run

RESOLUTION: Json = {
    "kind": "Resolution",
    "name": "ent",
    "status": "NOERROR",
    "canonicalName": "ent.dev.svc.cluster.local.",
    "addresses": ["10.96.17.4"],
    "records": [{"name": "ent.dev.svc.cluster.local.", "type": "A", "data": "10.96.17.4"}],
    "queries": [
        {
            "name": "ent.dev.svc.cluster.local.",
            "type": "A",
            "rcode": "NOERROR",
            "answers": 1,
            "from": "search[0]",
            "decision": "hit",
        }
    ],
    "resolvConf": {
        "nameservers": ["10.96.0.10"],
        "search": ["dev.svc.cluster.local", "svc.cluster.local"],
        "options": {"ndots": 5, "use-vc": True},
    },
    "resolver": "glibc",
    "service": {"namespace": "dev", "name": "ent"},
}
EXPLAINED: Json = {
    **RESOLUTION,
    "endpoints": [
        {"address": "10.244.1.5", "port": 8080, "node": "n1", "conditions": {"ready": True}},
        {"address": "10.244.1.6", "zone": "z", "conditions": {"terminating": True}},
        {"address": "10.244.1.7", "conditions": {"ready": False}},
    ],
    "advice": [{"code": "L5", "message": "a trailing dot saves them"}],
}


def answering(resolution: Json) -> FakeServer:
    return FakeServer({("GET", "/resolve"): resolution})


def test_the_answer_comes_first_and_the_trace_follows() -> None:
    ended = run("resolve", "ent", "-n", "dev", server=answering(RESOLUTION))
    assert ended.code == 0
    assert ended.out == (
        "ent  10.96.17.4  NOERROR\n"
        "  service  ent in dev\n"
        "  name     ent.dev.svc.cluster.local.\n"
        "  asked by glibc, ndots:5, use-vc, search dev.svc.cluster.local svc.cluster.local\n"
        "\n"
        "#   QUESTION                     TYPE   FROM        RCODE     ANSWERS   THEN\n"
        "1   ent.dev.svc.cluster.local.   A      search[0]   NOERROR   1         hit\n"
    )


def test_explaining_adds_endpoints_and_advice() -> None:
    out = run("resolve", "ent", "--explain", server=answering(EXPLAINED)).out
    assert [line.split() for line in out.splitlines()[-5:-1]] == [
        ["ENDPOINT", "PORT", "NODE", "ZONE", "STATE"],
        ["10.244.1.5", "8080", "n1", "-", "Ready"],
        ["10.244.1.6", "-", "-", "z", "Terminating"],
        ["10.244.1.7", "-", "-", "-", "NotReady"],
    ]
    assert out.endswith("advice: a trailing dot saves them\n")


def test_records_without_addresses_are_the_answer() -> None:
    record = {"type": "SRV", "data": "0 100 80 ent.dev.svc.cluster.local."}
    resolution = {**RESOLUTION, "addresses": [], "records": [record]}
    out = run("resolve", "ent", "-t", "srv", server=answering(resolution)).out
    assert out.startswith("ent  0 100 80 ent.dev.svc.cluster.local.  NOERROR\n")


def test_a_name_that_does_not_resolve_is_an_answer_with_a_failing_exit_code() -> None:
    server = answering({"name": "nope", "status": "NXDOMAIN", "resolver": "musl"})
    ended = run("resolve", "nope", server=server)
    assert (ended.code, ended.err) == (1, "")
    assert ended.out == "nope  NXDOMAIN\n  asked by musl\n"


def test_options_become_parameters_and_programs_get_the_document() -> None:
    server = answering(RESOLUTION)
    ended = run(
        "resolve", "ent", "--pod", "dev/web", "--type", "srv", "--resolver", "musl", "--explain",
        "-o", "json", server=server,
    )  # fmt: skip
    assert json.loads(ended.out) == RESOLUTION
    assert dict(server.last.url.params) == {
        "name": "ent",
        "pod": "dev/web",
        "type": "SRV",
        "resolver": "musl",
        "explain": "true",
    }


def test_a_pod_and_a_namespace_exclude_each_other() -> None:
    ended = run("resolve", "ent", "-n", "dev", "--pod", "dev/web", server=answering(RESOLUTION))
    assert ended.code == 2


@pytest.mark.parametrize("advice", [["plain words"], [{"message": "plain words"}]])
def test_advice_is_read_in_either_form(advice: list[object]) -> None:
    out = run("resolve", "ent", server=answering({**RESOLUTION, "advice": advice})).out
    assert out.endswith("advice: plain words\n")


def asked(*nodes: str, pod_on: str = "") -> FakeServer:
    service: Json = {"spec": {"clusterIPs": ["10.96.17.4"]}}
    answer: Json = {
        "name": "ent",
        "status": "NOERROR",
        "addresses": ["10.96.17.4"],
        "service": {"namespace": "default", "name": "ent"},
    }
    listed = [{"metadata": {"name": name}} for name in nodes]
    return FakeServer(
        {
            ("GET", "/resolve"): answer,
            ("GET", "/services/default/ent"): service,
            ("GET", "/nodes"): {"items": listed},
            ("GET", "/pods/default/p"): {"spec": {"nodeName": pod_on}},
            **{("GET", f"/nodes/{name}"): {} for name in nodes},
        }
    )


def test_explain_says_that_no_agent_keeps_rules_for_the_node_that_asks() -> None:
    ended = run(
        "resolve", "ent", "--pod", "default/p", "--explain", server=asked("n2", pod_on="n1")
    )
    assert ended.out.splitlines()[-1] == (
        "advice: no agent keeps rules for node n1: 10.96.17.4 leads nowhere there; "
        "run `waypost agent --node n1`"
    )
    ended = run("resolve", "ent", "--explain", server=asked())
    assert "advice: no node is registered" in ended.out


def test_nothing_is_said_of_agents_where_the_node_is_registered_or_nobody_asked() -> None:
    for words, server in (
        (("--pod", "default/p", "--explain"), asked("n1", pod_on="n1")),
        (("--explain",), asked("n1")),
        ((), asked()),
    ):
        assert "advice" not in run("resolve", "ent", *words, server=server).out
