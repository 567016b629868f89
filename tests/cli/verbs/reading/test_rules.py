"""Rules are printed as a table of virtual servers, or as loadable text."""

import json

import pytest

from app.cli.fields import Json
from app.cli.verbs.reading.rules import RulesPart
from app.domain.dataplane.ipvs.script import Part
from tests.cli.fake_server import FakeServer, run

RULES: Json = {
    "kind": "NodeRules",
    "node": "n1",
    "resourceVersion": "42",
    "dummyInterface": {"name": "kube-ipvs0", "addresses": ["10.96.17.4", "fd00::4"]},
    "virtualServers": [
        {
            "address": "10.96.17.4",
            "port": 80,
            "protocol": "TCP",
            "scheduler": "rr",
            "service": {"namespace": "default", "name": "ent"},
            "portName": "http",
            "realServers": [
                {"address": "10.244.1.5", "port": 8080, "weight": 1},
                {"address": "10.244.2.7", "port": 8080, "weight": 0},
            ],
        },
        {"address": "fd00::4", "port": 53, "protocol": "UDP", "scheduler": "rr"},
    ],
    "ipsets": [
        {"name": "KUBE-CLUSTER-IP", "entries": ["10.96.17.4,tcp:80"]},
        {"name": "KUBE-EXTERNAL-IP"},
    ],
    "conflicts": [
        {
            "port": 30080,
            "protocol": "TCP",
            "winner": {"namespace": "default", "name": "ent"},
            "loser": {"namespace": "dev", "name": "web"},
        }
    ],
    "notices": [{"service": {"namespace": "dev", "name": "web"}, "message": "odd"}],
    "noLocalEndpoints": {"external": ["dev/web"]},
}


def a_server() -> FakeServer:
    return FakeServer(
        {
            ("GET", "/nodes/n1/ipvs"): RULES,
            ("GET", "/nodes/n1/ipvs.txt"): "-A -t 10.96.17.4:80 -s rr\n",
            ("GET", "/nodes/n1/nftables"): "table inet waypost {}\n",
        }
    )


def test_each_real_server_is_a_row_below_its_virtual_server() -> None:
    lines = run("rules", "n1", server=a_server()).out.splitlines()
    assert lines[:2] == ["node n1  revision 42", "kube-ipvs0 10.96.17.4, fd00::4"]
    assert [line.split() for line in lines[4:7]] == [
        ["10.96.17.4:80", "TCP", "default/ent:http", "rr", "10.244.1.5:8080", "1"],
        ["10.244.2.7:8080", "0"],
        ["[fd00::4]:53", "UDP", "-", "rr", "<none>"],
    ]
    assert lines[8:] == [
        "sets KUBE-CLUSTER-IP (1)",
        "note *:30080 TCP is claimed twice: default/ent has it, dev/web not",
        "note dev/web: odd",
        "note dev/web has no endpoint here, which its externalTrafficPolicy asks for",
        "load on n1: waypost rules n1 --part script | sh",
    ]


def test_a_node_without_rules_is_no_failure() -> None:
    server = FakeServer({("GET", "/nodes/n1/ipvs"): {"node": "n1", "resourceVersion": "1"}})
    ended = run("rules", "n1", server=server)
    assert ended.code == 0
    assert "no address" in ended.out


@pytest.mark.parametrize("part", [part for part in RulesPart if part is not RulesPart.NFTABLES])
def test_a_part_is_the_text_itself(part: RulesPart) -> None:
    server = a_server()
    assert run("rules", "n1", "--part", part, server=server).out == "-A -t 10.96.17.4:80 -s rr\n"
    assert dict(server.last.url.params) == {"part": part.value}


def test_nftables_is_a_part_too() -> None:
    out = run("rules", "n1", "--part", "nftables", server=a_server()).out
    assert out == "table inet waypost {}\n"


def test_the_parts_are_those_of_the_api() -> None:
    assert {*RulesPart} == {*Part, RulesPart.NFTABLES}


def test_programs_get_the_document() -> None:
    assert json.loads(run("rules", "n1", "-o", "json", server=a_server()).out) == RULES
