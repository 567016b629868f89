"""A command's Pod is what the Service made for it selects; replicas have names of their own."""

from hypothesis import given
from hypothesis import strategies as st

from app.domain.names import subdomain_problems
from app.registrar.process.manifests import Identity, Port, pod_of, service_of

IDENTITY = Identity(
    name="hello", labels={"app": "hello"}, ports=(Port(number=5000),), lease_s=15, node="n1"
)
ADDRESSES = st.ip_addresses().map(str)
PORTS = st.integers(1, 65535)


def test_the_pod_of_a_command() -> None:
    assert pod_of(IDENTITY, ["10.0.0.5", "fd00::5"]) == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "hello.10-0-0-5.5000",
            "namespace": "default",
            "labels": {"app": "hello"},
        },
        "spec": {
            "leaseDurationSeconds": 15,
            "nodeName": "n1",
            "containers": [{"name": "hello", "ports": [{"containerPort": 5000}]}],
        },
        "status": {"podIPs": [{"ip": "10.0.0.5"}, {"ip": "fd00::5"}]},
    }


def test_the_service_of_a_command_has_its_named_ports() -> None:
    ports = (Port(name="http", number=80), Port(name="admin", number=81))
    identity = Identity(name="web", labels={"app": "web", "tier": "a"}, ports=ports, lease_s=5)
    assert service_of(identity) == {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "selector": {"app": "web", "tier": "a"},
            "ports": [{"name": "http", "port": 80}, {"name": "admin", "port": 81}],
        },
    }


def name(address: str, port: int) -> str:
    identity = Identity(name="a", labels={"a": "b"}, ports=(Port(number=port),), lease_s=1)
    metadata = pod_of(identity, [address])["metadata"]
    assert isinstance(metadata, dict)
    return str(metadata["name"])  # pyright: ignore[reportUnknownArgumentType]  a manifest


@given(ADDRESSES, PORTS, ADDRESSES, PORTS)
def test_replicas_have_names_of_their_own(first: str, port: int, other: str, second: int) -> None:
    assert not subdomain_problems(name(first, port))
    assert (name(first, port) == name(other, second)) == ((first, port) == (other, second))
