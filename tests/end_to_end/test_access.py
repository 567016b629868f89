"""A server with authentication: its administrator, a user with a role, and a revoked token."""

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from app.administrators import FILE_NAME
from tests.end_to_end.commands import Ended, waypost
from tests.end_to_end.processes import Serving, replicating, serving, until_ready

pytestmark = pytest.mark.end_to_end

VIEWER = """
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: alice-views}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: alice}]
"""
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: ent}
spec: {ports: [{port: 80}]}
"""


@pytest.fixture(scope="module")
async def running(
    module_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Serving, None]:
    """Run a server with authentication, for all tests: a start takes longer than they do."""
    folder = tmp_path_factory.mktemp("access")
    async with serving(folder, "--auth", database_url=module_database_url) as started:
        yield started


@pytest.fixture
def administrator(running: Serving) -> str:
    """Read the token that the first start left for the administrator."""
    return (running.log.parent / "state" / FILE_NAME).read_text().strip()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def a_viewer(running: Serving, administrator: str) -> str:
    """Give alice a token, and the role `view`."""
    created = await waypost(running, "token", "create", "--user", "alice", token=administrator)
    assert created.code == 0, created.err
    bound = await waypost(running, "apply", "-f", "-", token=administrator, stdin=VIEWER)
    assert bound.code == 0, bound.err
    return created.out.strip()


async def test_a_request_without_credentials_is_challenged(running: Serving) -> None:
    answer = await running.client.get("/services")
    assert (answer.status_code, answer.json()["message"]) == (401, "Unauthorized")
    assert answer.headers["www-authenticate"] == 'Bearer realm="waypost"'
    assert (await running.client.get("/readyz")).status_code == 200
    refused = await waypost(running, "get", "svc")
    assert refused.code == 1
    assert refused.err.startswith("error: Unauthorized (Unauthorized)")


async def test_a_viewer_reads_and_is_refused_writes_in_kubernetes_words(
    running: Serving, administrator: str
) -> None:
    applied = await waypost(running, "apply", "-f", "-", token=administrator, stdin=SERVICE)
    assert applied.code == 0, applied.err
    alice = await a_viewer(running, administrator)
    listed = await waypost(running, "get", "svc", token=alice)
    assert (listed.code, "ent" in listed.out) == (0, True)
    shown = await waypost(running, "whoami", token=alice)
    assert shown.out.splitlines()[1].split() == ["Username", "alice"]
    may = [
        await waypost(running, "can-i", *words, token=alice)
        for words in (("list", "svc"), ("create", "svc"))
    ]
    assert [(each.code, each.out.split()[0]) for each in may] == [(0, "yes"), (1, "no")]
    other = SERVICE.replace("ent", "other")
    refused = await waypost(running, "apply", "-f", "-", token=alice, stdin=other)
    assert refused.code == 1
    assert (
        'services is forbidden: User "alice" cannot create resource "services" in API group "" '
        'in the namespace "default"'
    ) in refused.err


async def test_a_revoked_token_is_refused_and_its_open_watch_ends(
    running: Serving, administrator: str
) -> None:
    alice = await a_viewer(running, administrator)
    path = "/watch?kinds=Service"
    async with running.client.stream("GET", path, headers=bearer(alice)) as stream:
        events = stream.aiter_lines()
        while json.loads(await anext(events))["type"] != "BOOKMARK":
            pass
        revoked = await waypost(running, "token", "revoke", "--user", "alice", token=administrator)
        assert revoked.code == 0, revoked.err
        ended: list[dict[str, Any]] = [json.loads(line) async for line in events]
    assert (ended[-1]["type"], ended[-1]["object"]["code"]) == ("ERROR", 401)
    answer = await running.client.get("/services", headers=bearer(alice))
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    metrics = await running.client.get("/metrics", headers=bearer(administrator))
    assert 'waypost_authentication_total{method="token",result="revoked"} 1.0' in metrics.text


async def test_a_dns_replica_follows_with_its_own_token(
    running: Serving, administrator: str, tmp_path: Path
) -> None:
    created = await waypost(running, "token", "create", "--dns", token=administrator)
    assert created.out.startswith("wpd_"), created.err
    api = f"http://127.0.0.1:{running.api_port}"
    async with replicating(tmp_path / "dns", api, token=created.out.strip()) as replica:
        await until_ready(replica)
    assert "ERROR" not in replica.log.read_text()


async def test_an_agent_reads_the_rules_of_its_own_node(
    running: Serving, administrator: str
) -> None:
    created = await waypost(running, "token", "create", "--node", "n1", token=administrator)
    agent = created.out.strip()
    node = json.dumps({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}})
    registered = await waypost(running, "apply", "-f", "-", token=agent, stdin=node)
    assert registered.code == 0, registered.err

    async def once(node: str) -> Ended:
        words = ("agent", "--node", node, "--once", "--dry-run")
        return await waypost(running, *words, token=agent)

    own, other = await once("n1"), await once("n2")
    assert own.code == 0, own.err
    assert (other.code, "node 'n1' cannot read 'n2', only its own Node object" in other.err) == (
        1,
        True,
    )
