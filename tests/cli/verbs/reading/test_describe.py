"""Describe has everything on one page, and says what is missing for it to work."""

from app.cli.fields import Json
from tests.cli.fake_server import FakeServer, run

SERVICE: Json = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "ent", "namespace": "default", "labels": {"app": "ent"}},
    "spec": {"clusterIPs": ["10.96.0.20"], "ports": [{"port": 80}, {"port": 81}]},
}
POD: Json = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "ent-1", "namespace": "default"},
    "status": {"conditions": [{"type": "Ready", "status": "True"}]},
}
SLICE: Json = {
    "metadata": {
        "name": "ent-abc",
        "namespace": "default",
        "labels": {"kubernetes.io/service-name": "ent"},
    },
    "endpoints": [{"addresses": ["10.0.0.1"], "targetRef": {"kind": "Pod", "name": "ent-1"}}],
}


def a_server(*nodes: Json) -> FakeServer:
    return FakeServer(
        {
            ("GET", "/services"): {"items": [SERVICE]},
            ("GET", "/services/default/ent"): SERVICE,
            ("GET", "/services/default/ent/explain"): {
                "summary": "1 of 1 Pods is an endpoint",
                "pods": [
                    {
                        "pod": {"namespace": "default", "name": "ent-1"},
                        "verdict": "Endpoint",
                        "reasons": [{"message": "ok"}],
                    }
                ],
            },
            ("GET", "/resolve"): {
                "canonicalName": "ent.default.svc.cluster.local.",
                "addresses": ["10.96.0.20"],
            },
            ("GET", "/endpointslices"): {"items": [SLICE]},
            ("GET", "/nodes"): {"items": list(nodes)},
            ("GET", "/pods"): {"items": [POD]},
            ("GET", "/pods/default/ent-1"): POD,
        }
    )


def test_a_service_has_fields_names_endpoints_and_reasons() -> None:
    ended = run("describe", "svc", "ent", server=a_server({"metadata": {"name": "n1"}}))
    lines = [line.split() for line in ended.out.splitlines()]
    assert ended.code == 0
    for expected in (
        ["Name:", "ent"], ["Labels:", "app=ent"], ["Cluster", "IPs:", "10.96.0.20"],
        ["Port:", "80"], ["ent.default.svc.cluster.local.", "10.96.0.20"],
        ["ent-1", "Endpoint", "ok"],
    ):  # fmt: skip
        assert expected in lines
    assert "advice" not in ended.out


def test_an_address_without_any_node_leads_nowhere() -> None:
    assert run("describe", "svc", "ent", server=a_server()).out.splitlines()[-1] == (
        "advice: no node is registered, so no agent keeps rules: 10.96.0.20 leads nowhere; "
        "run `waypost agent --node NAME`"
    )


def test_a_pod_has_its_conditions_and_services() -> None:
    out = run("describe", "po/ent-1", server=a_server()).out
    assert "Endpoint of  ent" in out
    assert ["Ready", "True", "-", "-"] in [line.split() for line in out.splitlines()]


def test_a_name_may_be_the_beginning_of_others() -> None:
    assert "ent-1" in run("describe", "po", "ent", server=a_server()).out
    ended = run("describe", "po", "web", server=a_server())
    assert (ended.code, "NotFound" in ended.err) == (1, True)


def test_a_kind_alone_is_all_of_its_objects() -> None:
    assert run("describe", "svc", server=a_server()).out.startswith("Name:")
    ended = run("describe", "no", server=a_server())
    assert (ended.code, ended.err) == (0, "no objects are there\n")
