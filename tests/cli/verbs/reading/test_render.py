"""Render makes the rules of a node from files, without a server."""

import json
from pathlib import Path

import pytest

from app.cli.fields import at, mappings, sequence, text, texts
from tests.cli.fake_server import FakeServer, run

SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: ent}
spec:
  {clusterIP: 10.96.17.4, selector: {app: ent}, ports: [{name: http, port: 80, targetPort: 8080}]}
"""
PODS = """
apiVersion: v1
kind: Pod
metadata: {name: ent-1, labels: {app: ent}}
spec: {nodeName: n1}
status: {podIP: 10.244.1.5}
---
apiVersion: v1
kind: Pod
metadata: {name: ent-2, labels: {app: ent}}
status: {podIP: 10.244.2.7, conditions: [{type: Ready, status: "False"}]}
"""
SLICE = """
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: ent-by-hand, labels: {kubernetes.io/service-name: ent}}
addressType: IPv4
ports: [{name: http, port: 9090}]
endpoints: [{addresses: [10.244.9.9]}]
"""
DEPLOYMENT = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: ent}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "all.yaml"
    path.write_text("---".join((SERVICE, PODS, DEPLOYMENT)))
    return path


def rendered(*arguments: str) -> object:
    server = FakeServer()
    ended = run("render", "--node", "n1", "-o", "json", *arguments, server=server)
    assert (ended.code, server.requests) == (0, [])
    return json.loads(ended.out)


def test_ready_pods_of_the_files_are_behind_their_service(file: Path) -> None:
    rules = rendered("-f", str(file))
    (server,) = mappings(rules, "virtualServers")
    assert (text(server, "address"), text(server, "port")) == ("10.96.17.4", "80")
    assert [text(real, "address") for real in mappings(server, "realServers")] == ["10.244.1.5"]
    assert texts(rules, "dummyInterface", "addresses") == ("10.96.17.4",)


def test_slices_in_the_files_are_used_unchanged(tmp_path: Path, file: Path) -> None:
    by_hand = tmp_path / "slice.yaml"
    by_hand.write_text(SLICE)
    (server,) = mappings(rendered("-f", str(file), "-f", str(by_hand)), "virtualServers")
    assert [text(real, "port") for real in mappings(server, "realServers")] == ["9090"]


PLAIN = """
apiVersion: v1
kind: Service
metadata: {name: db}
spec: {clusterIP: 10.96.17.5, ports: [{port: 3306}]}
---
apiVersion: v1
kind: Endpoints
metadata: {name: %s}
subsets: [{addresses: [{ip: %s}], ports: [{port: 3307}]}]
"""


def test_endpoints_of_the_files_are_behind_a_service_without_a_selector(tmp_path: Path) -> None:
    file = tmp_path / "db.yaml"
    file.write_text(PLAIN % ("db", "192.0.2.77"))
    (server,) = mappings(rendered("-f", str(file)), "virtualServers")
    [real] = mappings(server, "realServers")
    assert (text(real, "address"), text(real, "port")) == ("192.0.2.77", "3307")


def test_endpoints_of_a_service_with_a_selector_are_ignored(tmp_path: Path, file: Path) -> None:
    more = tmp_path / "db.yaml"
    more.write_text(PLAIN % ("ent", "192.0.2.77"))
    assert "192.0.2.77" not in json.dumps(rendered("-f", str(file), "-f", str(more)))


@pytest.mark.parametrize(
    ("ip", "words"),
    [("db", "subsets[0].addresses[0].ip: Invalid value"), ("[]", "must be a string, not a list")],
)
def test_invalid_endpoints_are_refused_with_their_file(tmp_path: Path, ip: str, words: str) -> None:
    file = tmp_path / "db.yaml"
    file.write_text(PLAIN % ("db", ip))
    ended = run("render", "--node", "n1", "-f", str(file))
    assert ended.code != 0
    assert ended.err.startswith(f"error: {file}:10: subsets[0].addresses[0].ip: ")
    assert words in ended.err.replace("\n", " ")


def test_a_table_lists_sets_that_are_not_empty(file: Path) -> None:
    out = run("render", "--node", "n1", "-f", str(file)).out
    assert "10.96.17.4:80" in out
    assert "KUBE-CLUSTER-IP (1)" in out
    assert "(0)" not in out


def test_parts_are_texts(file: Path) -> None:
    ipvsadm = run("render", "--node", "n1", "-f", str(file), "--part", "ipvsadm").out
    assert ipvsadm == (
        "-A -t 10.96.17.4:80 -s rr\n-a -t 10.96.17.4:80 -r 10.244.1.5:8080 -m -w 1\n"
    )
    nftables = run("render", "--node", "n1", "-f", str(file), "--part", "nftables").out
    assert "10.96.17.4" in nftables


def test_options_are_the_configuration(file: Path) -> None:
    rules = rendered(
        "-f", str(file), "--scheduler", "lc", "--masquerade-all", "--cluster-cidr", "10.244.0.0/16"
    )
    assert [text(server, "scheduler") for server in mappings(rules, "virtualServers")] == ["lc"]
    basis = at(mappings(rules, "netfilters")[0], "basis")
    assert text(basis, "masqueradeAll") == "true"
    assert text(basis, "localSource", "value") == "10.244.0.0/16"


def test_ranges_are_those_of_the_files_and_of_the_options(tmp_path: Path, file: Path) -> None:
    ranges = tmp_path / "ranges.yaml"
    ranges.write_text(
        "{apiVersion: networking.k8s.io/v1, kind: ServiceCIDR, metadata: {name: more}, "
        "spec: {cidrs: [10.112.0.0/16]}}"
    )
    asked = ("render", "--node", "n1", "--part", "nftables", "-f", str(file))
    assert "} drop" not in run(*asked).out
    wider = run(*asked, "-f", str(ranges), "--service-cidr", "10.96.0.0/12").out
    assert "ip daddr { 10.96.0.0/12, 10.112.0.0/16 } drop" in wider
    ranges.write_text(ranges.read_text().replace("10.112.0.0/16", "all"))
    ended = run(*asked, "-f", str(ranges))
    assert (ended.code, ended.out) == (1, "")
    assert "ServiceCIDR more: spec.cidrs[0]: " in ended.err


def test_a_service_without_an_address_causes_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "service.yaml"
    headless = SERVICE.replace("10.96.17.4", "None").replace("ent", "db", 1)
    path.write_text(f"{SERVICE.replace('clusterIP: 10.96.17.4,', '')}---{headless}")
    ended = run("render", "--node", "n1", "-f", str(path), "-o", "yaml")
    assert ended.err == (
        "warning: the Service default/ent has no clusterIP here, so it has no rules\n"
    )
    assert "virtualServers: []" in ended.out


def test_an_object_without_possible_rules_is_named(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(SERVICE.replace("port: 80", "port: 99999"))
    ended = run("render", "--node", "n1", "-f", str(path))
    assert (ended.code, ended.out) == (1, "")
    assert "Service default/ent: spec.ports[0].port: " in ended.err


def test_a_manifest_of_wrong_types_is_named_with_its_file(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(SERVICE.replace("ports: [", "ports: {}, externalIPs: [] #[") + "}\n")
    ended = run("render", "--node", "n1", "-f", str(path))
    assert ended.code == 1
    assert ended.err.startswith(f"error: {path}:6: spec.ports: must be a list")
    assert ended.err.count("\n") == 1


def test_a_node_in_the_files_is_used_with_its_addresses(tmp_path: Path, file: Path) -> None:
    node = tmp_path / "node.yaml"
    node.write_text(
        "{apiVersion: v1, kind: Node, metadata: {name: n1}, "
        "status: {addresses: [{type: InternalIP, address: 192.0.2.10}]}}"
    )
    nodeport = tmp_path / "nodeport.yaml"
    nodeport.write_text(
        SERVICE.replace("clusterIP: 10.96.17.4", "type: NodePort, clusterIP: 10.96.17.5")
        .replace("port: 80,", "port: 80, nodePort: 30080,")
        .replace("name: ent", "name: out")
    )
    rules = rendered("-f", str(file), "-f", str(node), "-f", str(nodeport))
    addresses = [text(server, "address") for server in mappings(rules, "virtualServers")]
    assert "192.0.2.10" in addresses
    assert sequence(rules, "conflicts") == []


ODD = """\
apiVersion: v1
kind: Service
metadata: {name: ent, lables: {}}
spec:
  clusterIP: 10.96.17.4
  clusterIP: 10.96.17.4
  selecter: {app: ent}
  ports: [{port: 80}]
---
apiVersion: v1
kind: service
metadata: {name: other}
---
apiVersion: v1
kind: Pod
metadata: {name: ent-1}
spec: {volumes: []}
"""


def test_mistyped_fields_are_warnings_as_in_apply_and_refused_when_strict(tmp_path: Path) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text(ODD)
    expected = [
        f'{path}:3: unknown field "metadata.lables" (did you mean "labels"?)',
        f"{path}:6: spec.clusterIP is given again, after line 5; the last one counts",
        f'{path}:7: unknown field "spec.selecter" (did you mean "selector"?)',
        f'{path}:11: service is not held here (did you mean "Service"?)',
        "Pod: known fields that are not kept here: spec.volumes",
    ]
    lenient = run("render", "--node", "n1", "-f", str(path))
    assert lenient.code == 0
    assert sorted(lenient.err.splitlines()) == sorted(f"warning: {each}" for each in expected)
    strict = run("render", "--node", "n1", "-f", str(path), "--strict")
    assert (strict.code, strict.out) == (1, "")
    first, *rest = strict.err.splitlines()
    assert first == "error: 5 things are wrong, nothing is rendered"
    assert sorted(rest) == sorted(f"  {each}" for each in expected)


def test_every_invalid_manifest_is_named(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(
        f"{SERVICE.replace('port: 80', 'port: eighty, nodePort: 99999')}---"
        "\nkind: Pod\nmetadata: {name: 7}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: 7}\n"
    )
    ended = run("render", "--node", "n1", "-f", str(path))
    assert (ended.code, ended.out) == (1, "")
    assert [line.partition(f"{path}:")[2] for line in ended.err.splitlines()[1:]] == [
        "6: spec.ports[0].port: must be an integer, not a string",
        "6: spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
        "8: apiVersion is required",
        "13: metadata.name: must be a string, not an integer: put it in quotes",
    ]
