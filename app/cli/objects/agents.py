"""Whether rules lead to a ClusterIP: an address without an agent's rules leads nowhere.

Service -> its ClusterIPs;  Pod -> its node;  addresses, node -> what is missing, for people

What cannot be looked up is not said: these are hints.
"""

from collections.abc import Iterator, Sequence

from app.cli.client import Api
from app.cli.fields import mappings, text, texts
from app.cli.kinds import kind_named, object_path
from waypost.client.errors import NotFound, WaypostError
from waypost.client.http.queries import Parameters

_NONE = ("", "None")


def cluster_ips(server: Api, namespace: str, name: str) -> list[str]:
    """List the ClusterIPs of a Service; empty for a headless or unknown one."""
    try:
        service = server.ask("GET", object_path(kind_named("Service"), namespace, name))
    except WaypostError:
        return []
    return [each for each in texts(service, "spec", "clusterIPs") if each not in _NONE]


def asking_node(server: Api, pod: str) -> str:
    """Give the node of a Pod, ``namespace/name``; empty when it is unknown."""
    namespace, slash, name = pod.partition("/")
    if not slash:
        return ""
    try:
        found = server.ask("GET", object_path(kind_named("Pod"), namespace, name))
    except WaypostError:
        return ""
    return text(found, "spec", "nodeName")


def unserved(server: Api, addresses: Sequence[str], node: str = "") -> Iterator[str]:
    """Word that no agent keeps rules for a node; without one, that no node is registered."""
    if not addresses:
        return
    nodes, led = kind_named("Node"), ", ".join(addresses)
    verb = "lead" if len(addresses) > 1 else "leads"
    try:
        if node:
            server.ask("GET", object_path(nodes, "", node))
            return
        query: Parameters = {"limit": 1}
        if mappings(server.ask("GET", f"/{nodes.plural}", query=query), "items"):
            return
    except NotFound:
        yield (
            f"no agent keeps rules for node {node}: {led} {verb} nowhere there; "
            f"run `waypost agent --node {node}`"
        )
    except WaypostError:
        return
    else:
        yield (
            f"no node is registered, so no agent keeps rules: {led} {verb} nowhere; "
            "run `waypost agent --node NAME`"
        )
