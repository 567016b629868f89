"""Any manifest of a Service may follow any other: the last one applied is the state."""

from typing import Any

import httpx
import pytest

Wire = dict[str, Any]

HTTP: list[Wire] = [{"port": 80, "name": "http"}, {"port": 443, "name": "https"}]
DNS: list[Wire] = [{"port": 53, "protocol": "UDP", "name": "dns"}, {"port": 53, "name": "tcp"}]
SPECS: dict[str, Wire] = {
    "cluster": {"ports": HTTP},
    "one port": {"ports": HTTP[:1]},
    "node ports": {"type": "NodePort", "ports": HTTP},
    "names swapped": {
        "type": "NodePort",
        "ports": [{"port": 80, "name": "https"}, {"port": 443, "name": "http"}],
    },
    "balancer": {"type": "LoadBalancer", "ports": HTTP, "externalTrafficPolicy": "Local"},
    "elsewhere": {"type": "ExternalName", "externalName": "x.example"},
    "two protocols": {"ports": DNS},
    "other protocol": {"type": "NodePort", "ports": [{"port": 53, "protocol": "TCP"}]},
}


@pytest.mark.parametrize("first", SPECS, ids=lambda name: name.replace(" ", "-"))
async def test_one_manifest_follows_another(api: httpx.AsyncClient, first: str) -> None:
    for second, wanted in SPECS.items():
        assert await operation(api, first) in ("created", "unchanged")
        assert await operation(api, second) == ("unchanged" if second == first else "configured")
        spec = (await api.get("/services/default/a")).json()["spec"]
        assert spec["type"] == wanted.get("type", "ClusterIP")
        assert [keyed(port) for port in spec["ports"]] == [
            keyed(port) for port in wanted.get("ports", [])
        ]
        assert await operation(api, second) == "unchanged"
        await api.delete("/services/default/a")


async def operation(api: httpx.AsyncClient, name: str) -> str:
    manifest = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "a"},
        "spec": SPECS[name],
    }
    answer = await api.post("/apply", json=manifest)
    assert answer.is_success, answer.text
    done: str = answer.json()["results"][0]["operation"]
    return done


def keyed(port: Wire) -> tuple[object, ...]:
    return port["port"], port.get("protocol", "TCP"), port.get("name", "")
