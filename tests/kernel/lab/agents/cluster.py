"""A registry on the fabric: all of Waypost but its database.

    Service, Pods over HTTP -> the API -> an agent (``agent``) -> the kernel

The API is the real one over a state in memory; it runs in a thread of the lab.
"""

import asyncio
import threading
import time
from collections.abc import Mapping
from functools import cache
from types import SimpleNamespace
from typing import Any, Final

import httpx
import uvicorn
from prometheus_client import CollectorRegistry

from app.api import application
from app.api.objects.streams import Watching
from app.domain.objects.pod import Pod
from app.domain.objects.resource import Object
from app.domain.objects.service import ServicePort
from app.domain.work import Policy
from app.registry.node_rules import NodeRulesReader
from app.registry.reads.pagination import Lists
from app.registry.reads.view import View
from app.registry.reads.watch import Notifier
from app.registry.threads import Lane
from app.registry.writes.bootstrap import bootstrap
from app.schemas.objects.codec import encode_object
from tests.builders import a_pod, a_service
from tests.kernel.lab.agents.agent import API_PORT, START_S_MAX, URL
from tests.kernel.lab.lab import CONFIG, POLL_S, SERVICE_PORT
from tests.kernel.lab.network import FABRIC_HOST, PODS
from tests.kernel.lab.traffic import SERVER_PORT
from tests.memory_writer import MemoryWriter

LEASE_S: Final = 40


class Cluster:
    """What clients of a registry do, one after the other."""

    def __init__(self) -> None:
        self._http = httpx.Client(base_url=URL, trust_env=False, timeout=30)

    def add_pods(self, *names: str, ready: bool = True) -> None:
        """Register Pods of the lab, or change whether they are ready."""
        for name in names:
            self._send("PUT", f"/pods/default/{name}", _manifest(_pod(name, ready=ready)))

    def remove_pods(self, *names: str) -> None:
        """Let Pods be gone at once."""
        for name in names:
            self._send("DELETE", f"/pods/default/{name}?gracePeriodSeconds=0")

    def add_service(self) -> str:
        """Register a Service of all Pods on port 80 of both protocols; gives its address."""
        ports = tuple(
            ServicePort(port=SERVICE_PORT, name=p.lower(), protocol=p, target_port=SERVER_PORT)
            for p in ("TCP", "UDP")
        )
        address = "10.96.0.10"
        drafted = a_service(cluster_ip=address, cluster_ips=(address,), ports=ports)
        made = self._send("PUT", f"/services/default/{drafted.metadata.name}", _manifest(drafted))
        return made["spec"]["clusterIP"]

    def expose(self, name: str, health_check_node_port: int) -> None:
        """Register a Service of all Pods that load balancers send to nodes with endpoints."""
        drafted = a_service(
            name,
            type="LoadBalancer",
            cluster_ip="",
            cluster_ips=(),
            external_traffic_policy="Local",
            health_check_node_port=health_check_node_port,
        )
        self._send("PUT", f"/services/default/{name}", _manifest(drafted))

    def remove_service(self, name: str) -> None:
        """Let a Service be gone."""
        self._send("DELETE", f"/services/default/{name}")

    def taint(self, node: str, *keys: str) -> None:
        """Let a Node have these taints and no others."""
        taints = [{"key": key, "effect": "NoSchedule"} for key in keys]
        self._send("PUT", f"/nodes/{node}", {**self.node(node), "spec": {"taints": taints}})

    def clear(self) -> None:
        """Let there be nothing but nodes."""
        for kind in ("services", "pods"):
            for each in self._send("GET", f"/{kind}")["items"]:
                name = each["metadata"]["name"]
                self._send("DELETE", f"/{kind}/default/{name}?gracePeriodSeconds=0")

    def node(self, name: str) -> Mapping[str, Any]:
        """Read a Node."""
        return self._send("GET", f"/nodes/{name}")

    def _send(self, method: str, path: str, document: object = None) -> Any:  # noqa: ANN401  JSON
        answer = self._http.request(method, path, json=document)
        assert answer.is_success, (method, path, answer.status_code, answer.text)
        return answer.json()


@cache
def the_cluster() -> Cluster:
    """Start the API, once; it ends with the lab."""
    threading.Thread(target=_serve, name="api", daemon=True).start()
    cluster, until_s = Cluster(), time.monotonic() + START_S_MAX
    while True:
        try:
            cluster.clear()
        except httpx.HTTPError:
            assert time.monotonic() < until_s, "the API does not answer"
            time.sleep(POLL_S)
        else:
            return cluster


def _serve() -> None:
    app = application.build(version="0")

    async def serve() -> None:
        view = View()
        writer = MemoryWriter(view)
        writer.write_now(lambda work: bootstrap(work, with_dns=False))
        app.state.registry = SimpleNamespace(
            view=view,
            lists=Lists(view),
            writer=writer,
            policy=Policy(),
            rules=NodeRulesReader(view, CONFIG, node_ports=range(30_000, 32_768)),
            leases=_Leases(),
            watching=Watching(view, Notifier(view)),
            metrics=CollectorRegistry(),
            objects_max=10_000,
            reading=Lane(),
            writing=Lane(),
        )
        config = uvicorn.Config(app, host=FABRIC_HOST.ip, port=API_PORT, log_level="error")
        server = uvicorn.Server(config)
        server.install_signal_handlers = lambda: None  # type: ignore[method-assign]
        await server.serve()

    asyncio.run(serve())


class _Leases:
    """Leases that never run out."""

    def renew_node(self, name: str) -> int:
        """Take a heartbeat."""
        del name
        return LEASE_S

    async def renew_existing(self, pods: object) -> None:
        """Take a registration as a heartbeat."""


def _pod(name: str, *, ready: bool) -> Pod:
    pod = PODS[name]
    return a_pod(name, ready=ready, node_name=pod.node, pod_ips=(pod.ip, pod.ip6))


def _manifest(drafted: Object) -> dict[str, object]:
    """Spell an object as somebody who does not know what the registry will add to it."""
    document: dict[str, Any] = encode_object(drafted)
    document["metadata"].pop("uid", None)
    return document
