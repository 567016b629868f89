"""Each kind's columns are those of kubectl."""

from datetime import UTC, datetime

import pytest

from app.cli.columns import external_ips, service_ports, sheet
from app.cli.fields import Json
from app.cli.kinds import KINDS, Kind, kind_named

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
META = {"name": "ent", "namespace": "dev", "creationTimestamp": "2026-01-01T11:59:00Z"}


def a_document(**fields: object) -> Json:
    return {"metadata": META, **fields}


def row_of(document: Json, kind: Kind) -> dict[str, str]:
    table = sheet([document], kind, NOW, is_wide=True)
    return dict(zip(table.headings, table.rows[0], strict=True))


def test_every_kind_is_listed_at_least_by_name_and_age() -> None:
    for kind in KINDS:
        headings = set(row_of(a_document(), kind))
        assert "NAME" in headings
        assert headings & {"AGE", "CREATED AT"}


def test_a_service_shows_its_address_ports_and_selector() -> None:
    service = a_document(
        spec={
            "type": "NodePort",
            "clusterIPs": ["10.96.0.20", "fd00::20"],
            "ports": [{"port": 80, "nodePort": 30080, "protocol": "TCP"}, {"port": 53}],
            "selector": {"app": "ent", "tier": "web"},
        }
    )
    assert row_of(service, kind_named("Service")) == {
        "NAME": "ent",
        "TYPE": "NodePort",
        "CLUSTER-IP": "10.96.0.20",
        "EXTERNAL-IP": "<none>",
        "PORT(S)": "80:30080/TCP,53/TCP",
        "AGE": "60s",
        "SELECTOR": "app=ent,tier=web",
    }


def test_narrow_tables_have_no_wide_columns_and_lists_over_namespaces_name_these() -> None:
    narrow = sheet([a_document()], kind_named("Service"), NOW, with_namespace=True)
    assert narrow.headings[0] == "NAMESPACE"
    assert "SELECTOR" not in narrow.headings
    assert narrow.rows[0][:2] == ("dev", "ent")
    assert sheet([], kind_named("Node"), NOW, with_namespace=True).headings[0] == "NAME"


@pytest.mark.parametrize(
    ("spec", "status", "shown"),
    [
        ({"type": "ClusterIP"}, {}, ""),
        (
            {"type": "ClusterIP", "externalIPs": ["192.0.2.1", "192.0.2.2"]},
            {},
            "192.0.2.1,192.0.2.2",
        ),
        ({"type": "ExternalName", "externalName": "db.example.com"}, {}, "db.example.com"),
        ({"type": "LoadBalancer"}, {}, "<pending>"),
        (
            {"type": "LoadBalancer", "externalIPs": ["192.0.2.1"]},
            {"loadBalancer": {"ingress": [{"ip": "192.0.2.9"}, {"hostname": "lb.example.com"}]}},
            "192.0.2.9,lb.example.com,192.0.2.1",
        ),
    ],
)
def test_external_addresses_depend_on_the_type(spec: Json, status: Json, shown: str) -> None:
    assert external_ips({"spec": spec, "status": status}) == shown


def test_a_service_without_ports_shows_none() -> None:
    assert service_ports({"spec": {}}) == ""
    assert row_of(a_document(spec={}), kind_named("Service"))["PORT(S)"] == "<none>"


@pytest.mark.parametrize(
    ("pod", "ready", "status"),
    [
        ({"status": {"phase": "Running"}}, "0/1", "Running"),
        ({"status": {"conditions": [{"type": "Ready", "status": "True"}]}}, "1/1", "<none>"),
        (
            {
                "metadata": {**META, "deletionTimestamp": "2026-01-01T12:00:00Z"},
                "spec": {"containers": [{"name": "a"}, {"name": "b"}]},
                "status": {"conditions": [{"type": "Ready", "status": "True"}]},
            },
            "2/2",
            "Terminating",
        ),
    ],
)
def test_a_pod_shows_its_readiness_and_status(
    pod: dict[str, object], ready: str, status: str
) -> None:
    row = row_of({**a_document(), **pod}, kind_named("Pod"))
    assert (row["READY"], row["STATUS"]) == (ready, status)


def test_a_pod_shows_its_addresses_and_node() -> None:
    pod = a_document(
        spec={"nodeName": "n1"}, status={"podIPs": [{"ip": "10.244.0.1"}, {"ip": "fd00::1"}]}
    )
    row = row_of(pod, kind_named("Pod"))
    assert (row["IP"], row["NODE"]) == ("10.244.0.1,fd00::1", "n1")


def test_a_node_shows_status_roles_address_and_zone() -> None:
    node = {
        "metadata": {
            **META,
            "labels": {
                "topology.kubernetes.io/zone": "z1",
                "node-role.kubernetes.io/worker": "",
                "node-role.kubernetes.io/edge": "",
            },
        },
        "spec": {"unschedulable": True},
        "status": {
            "addresses": [
                {"type": "Hostname", "address": "n1"},
                {"type": "InternalIP", "address": "192.0.2.10"},
            ],
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }
    row = row_of(node, kind_named("Node"))
    assert row["STATUS"] == "Ready,SchedulingDisabled"
    assert row["ROLES"] == "edge,worker"
    assert (row["INTERNAL-IP"], row["ZONE"], row["EXTERNAL-IP"]) == ("192.0.2.10", "z1", "<none>")


def test_an_address_of_a_node_that_is_not_an_ip_is_not_shown() -> None:
    addresses = [
        {"type": type_, "address": address}
        for type_ in ("InternalIP", "ExternalIP")
        for address in ("my-host.example", "10.0.0.256", "")
    ]
    node = {"metadata": META, "status": {"addresses": addresses}}
    row = row_of(node, kind_named("Node"))
    assert (row["INTERNAL-IP"], row["EXTERNAL-IP"]) == ("<none>", "<none>")
    addresses.append({"type": "InternalIP", "address": "2001:db8::1"})
    assert row_of(node, kind_named("Node"))["INTERNAL-IP"] == "2001:db8::1"


@pytest.mark.parametrize(("ready", "status"), [("False", "NotReady"), ("Unknown", "NotReady")])
def test_a_node_that_is_not_ready_says_so(ready: str, status: str) -> None:
    conditions = [{"type": "Ready", "status": ready}]
    assert (
        row_of(a_document(status={"conditions": conditions}), kind_named("Node"))["STATUS"]
        == status
    )


def test_a_node_without_conditions_is_unknown() -> None:
    assert row_of(a_document(), kind_named("Node"))["STATUS"] == "Unknown"


def test_a_slice_lists_three_endpoints_and_counts_the_rest() -> None:
    addresses = [{"addresses": [f"10.244.0.{number}"]} for number in range(1, 6)]
    row = row_of(
        a_document(addressType="IPv4", ports=[{"port": 8080}], endpoints=addresses),
        kind_named("EndpointSlice"),
    )
    assert row["ENDPOINTS"] == "10.244.0.1,10.244.0.2,10.244.0.3 + 2 more..."
    assert row["PORTS"] == "8080"
    assert row_of(a_document(), kind_named("EndpointSlice"))["PORTS"] == "<unset>"


def test_namespaces_and_ranges_have_their_columns() -> None:
    assert (
        row_of(a_document(status={"phase": "Active"}), kind_named("Namespace"))["STATUS"]
        == "Active"
    )
    ranges = a_document(spec={"cidrs": ["10.96.0.0/12", "fd00::/112"]})
    assert row_of(ranges, kind_named("ServiceCIDR"))["CIDRS"] == "10.96.0.0/12,fd00::/112"


@pytest.mark.parametrize(
    "kind", [kind_named("Role"), kind_named("ClusterRole")], ids=lambda kind: kind.name
)
def test_a_role_shows_when_it_was_made(kind: Kind) -> None:
    assert row_of(a_document(), kind) == {"NAME": "ent", "CREATED AT": "2026-01-01T11:59:00Z"}


@pytest.mark.parametrize(
    "kind",
    [kind_named("RoleBinding"), kind_named("ClusterRoleBinding")],
    ids=lambda kind: kind.name,
)
def test_a_binding_shows_its_role_and_when_asked_its_subjects(kind: Kind) -> None:
    binding = a_document(
        roleRef={"kind": "ClusterRole", "name": "view"},
        subjects=[
            {"kind": "User", "name": "alice"},
            {"kind": "User", "name": "bob"},
            {"kind": "ServiceAccount", "namespace": "prod", "name": "bot"},
        ],
    )
    assert row_of(binding, kind) == {
        "NAME": "ent",
        "ROLE": "ClusterRole/view",
        "AGE": "60s",
        "USERS": "alice, bob",
        "GROUPS": "<none>",
        "SERVICEACCOUNTS": "prod/bot",
    }
    assert sheet([binding], kind, NOW).headings == ("NAME", "ROLE", "AGE")
