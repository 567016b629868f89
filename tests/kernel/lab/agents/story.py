"""One agent's life, chapter by chapter: each goes on from where the one before has ended.

A chapter is a function of the Story; whatever it raises is its verdict.
"""

import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import Final, Protocol

from tests.kernel.lab.agents.agent import RESYNC_S, Agent
from tests.kernel.lab.agents.balancers import Health, ask_health
from tests.kernel.lab.agents.cluster import Cluster
from tests.kernel.lab.lab import POLL_S, SERVICE_PORT, eventually
from tests.kernel.lab.namespaces import ip_batch
from tests.kernel.lab.network import FABRIC, NODES, OUTSIDE, PODS, addresses_of_node
from tests.kernel.lab.scenarios.expectations import is_refused, pods_reached
from tests.kernel.lab.traffic import Unanswered, connect

NODE: Final = "node1"
CALLER: Final = "client1"
HEALTH_CHECK_PORT: Final = 31234
AGENT_PORT: Final = 9154
WITHIN_S: Final = 90.0
START_WITHIN_S: Final = 120.0
"""Both are for busy machines; what is measured is measured elsewhere."""
STRAYS: Final = ("10.96.200.200", "fd00:10:96::c8c8")
"""Addresses of the ranges that no Service has, as the next router may have them."""
UNANSWERED_S: Final = 3.0  # long for two links within a machine, and short for a test
AT_REST_S: Final = RESYNC_S + 1


class Kernel(Protocol):
    """What a backend keeps in a node's kernel, as its tools show it."""

    def ours(self) -> str:
        """List everything that agents put there; empty when there is nothing."""
        ...

    def spoil(self, address: str) -> None:
        """Change some of it behind the agent's back, so that a Service cannot be reached."""
        ...

    def add_theirs(self) -> None:
        """Put something of somebody else there."""
        ...

    def theirs(self) -> str:
        """List what somebody else has put there."""
        ...


class Story:
    """The cluster, one node's kernel and the agent that is running at the time."""

    def __init__(self, backend: str, kernel: Kernel, cluster: Cluster) -> None:
        self.backend = backend
        self.kernel = kernel
        self.cluster = cluster
        self.address = ""
        self.agent: Agent | None = None

    def start_agent(self, *flags: str) -> Agent:
        """Start an agent; it is the one that is running from now on."""
        self.agent = Agent(NODE, self.backend, *flags)
        return self.agent

    def run_agent(self, *flags: str) -> str:
        """Run an agent to its end, and give what it said."""
        return Agent(NODE, self.backend, *flags).wait()

    def reaches(self, *pods: str, within_s: float = WITHIN_S) -> None:
        """Require that connections come to lead to these Pods and no others."""
        eventually(lambda: self._reached() == set(pods), within_s=within_s, what=f"reaching {pods}")

    def balancer_is_told(self, status: int, **told: object) -> None:
        """Require that a host outside comes to learn this of the node, over both families."""

        def is_told(address: str) -> bool:
            health = ask_health(OUTSIDE.name, address, HEALTH_CHECK_PORT)
            document: dict[str, object] = health.document or {}
            return health.status == status and told.items() <= document.items()

        for address in (NODES[NODE].ip, NODES[NODE].ip6):
            eventually(
                partial(is_told, address), within_s=WITHIN_S, what=f"{status} {told} at {address}"
            )

    def agent_health(self, path: str) -> Health:
        """Ask the agent after itself, on its node."""
        return ask_health(NODE, "127.0.0.1", AGENT_PORT, path)

    def held_at_rest(self) -> str:
        """Wait until the agent has nothing more to do, and list what the kernel holds."""
        before, now = "", self.kernel.ours()
        while before != now:
            time.sleep(AT_REST_S)
            before, now = now, self.kernel.ours()
        return now

    def holds_again(self, held: str) -> None:
        """Require that the kernel comes to hold what it held before."""
        until_s = time.monotonic() + WITHIN_S
        while (now := self.kernel.ours()) != held:
            if time.monotonic() > until_s:
                differing = set(now.splitlines()) ^ set(held.splitlines())
                raise AssertionError(f"not mended: {sorted(differing) or 'the order'}")
            time.sleep(POLL_S)

    def _reached(self) -> set[str]:
        try:
            return pods_reached(CALLER, self.address)
        except (OSError, Unanswered):
            return set()


Chapter = Callable[[Story], None]


def an_agent_registers_its_node_and_programs_its_kernel(story: Story) -> None:
    story.kernel.add_theirs()
    story.address = story.cluster.add_service()
    story.cluster.add_pods("a1", "b1")
    story.start_agent()
    story.reaches("a1", "b1", within_s=START_WITHIN_S)
    addresses = story.cluster.node(NODE)["status"]["addresses"]
    found = {each["address"] for each in addresses if each["type"] == "InternalIP"}
    assert found == addresses_of_node(NODE)


def an_address_that_no_service_has_stays_on_the_machine(_: Story) -> None:
    eventually(lambda: _leaving() == [], within_s=WITHIN_S, what="keeping packets here")


def news_reach_the_kernel(story: Story) -> None:
    story.cluster.add_pods("a2")
    story.reaches("a1", "a2", "b1")
    story.cluster.remove_pods("a1")
    story.reaches("a2", "b1")


def a_connection_survives_that_the_agent_is_killed_and_comes_back(story: Story) -> None:
    with closing(connect(CALLER, story.address, SERVICE_PORT)) as transfer:
        _require_agent(story).kill()
        assert transfer.echoes("the agent is gone")
        story.cluster.add_pods("a1")
        story.start_agent()
        story.reaches("a1", "a2", "b1", within_s=START_WITHIN_S)
        assert transfer.echoes("the agent is back")
    assert "was changed externally" not in _require_agent(story).log()


def a_connection_keeps_its_pod_until_it_ends(story: Story) -> None:
    with closing(connect(CALLER, story.address, SERVICE_PORT)) as transfer:
        pod = transfer.answer.pod
        others = {"a1", "a2", "b1"} - {pod}
        story.cluster.remove_pods(pod)
        story.reaches(*others)
        assert transfer.echoes("still here")
        _require_agent(story).kill()  # a restart goes on draining
        story.start_agent()
        story.cluster.add_pods(pod)
        story.reaches("a1", "a2", "b1", within_s=START_WITHIN_S)
        assert transfer.echoes("and still here")


def what_somebody_else_changes_is_mended(story: Story) -> None:
    held = story.held_at_rest()
    story.kernel.spoil(story.address)
    story.reaches("a1", "a2", "b1")
    story.holds_again(held)
    assert "kernel state was changed externally" in _require_agent(story).log()


def without_endpoints_callers_are_refused_at_once(story: Story) -> None:
    story.cluster.remove_pods("a1", "a2", "b1")
    eventually(
        lambda: is_refused(CALLER, story.address), within_s=WITHIN_S, what="refusing callers"
    )
    story.cluster.add_pods("a1", "a2", "b1")
    story.reaches("a1", "a2", "b1")


def a_balancer_learns_whether_the_node_has_ready_endpoints(story: Story) -> None:
    story.cluster.expose("exposed", HEALTH_CHECK_PORT)
    story.balancer_is_told(200, localEndpoints=2, serviceProxyHealthy=True)
    story.cluster.add_pods("a1", ready=False)
    story.balancer_is_told(200, localEndpoints=1)
    story.cluster.add_pods("a2", ready=False)
    story.balancer_is_told(503, localEndpoints=0)
    story.cluster.add_pods("a1", "a2")
    story.balancer_is_told(200, localEndpoints=2)
    story.cluster.remove_service("exposed")
    story.balancer_is_told(0)


def a_node_that_is_to_be_deleted_is_left_by_balancers(story: Story) -> None:
    assert story.agent_health("/healthz").document["nodeEligible"]
    story.cluster.taint(NODE, "ToBeDeletedByClusterAutoscaler")
    eventually(lambda: story.agent_health("/healthz").status == 503, within_s=WITHIN_S, what="503")
    assert story.agent_health("/livez").status == 200
    story.cluster.taint(NODE)
    eventually(lambda: story.agent_health("/healthz").status == 200, within_s=WITHIN_S, what="200")


def the_kernel_keeps_its_rules_when_the_agent_is_stopped(story: Story) -> None:
    _require_agent(story).stop()
    story.reaches("a1", "a2", "b1")


def a_dry_run_prints_what_it_would_do_and_does_not(story: Story) -> None:
    held = story.kernel.ours()
    story.cluster.remove_pods("a1")
    printed = story.run_agent("--once", "--dry-run")
    assert PODS["a1"].ip in printed, printed
    assert story.kernel.ours() == held


def cleaning_up_leaves_what_is_of_others(story: Story) -> None:
    before = story.kernel.theirs()
    assert before
    story.run_agent("--cleanup")
    assert story.kernel.ours() == ""
    assert story.kernel.theirs() == before
    assert _leaving() == list(STRAYS)  # without rules nothing keeps them here


CHAPTERS: Final[dict[str, Chapter]] = {
    chapter.__name__: chapter
    for chapter in (
        an_agent_registers_its_node_and_programs_its_kernel,
        an_address_that_no_service_has_stays_on_the_machine,
        news_reach_the_kernel,
        a_connection_survives_that_the_agent_is_killed_and_comes_back,
        a_connection_keeps_its_pod_until_it_ends,
        what_somebody_else_changes_is_mended,
        without_endpoints_callers_are_refused_at_once,
        a_balancer_learns_whether_the_node_has_ready_endpoints,
        a_node_that_is_to_be_deleted_is_left_by_balancers,
        the_kernel_keeps_its_rules_when_the_agent_is_stopped,
        a_dry_run_prints_what_it_would_do_and_does_not,
        cleaning_up_leaves_what_is_of_others,
    )
}


def _leaving() -> list[str]:
    """List the addresses without a Service for which a Pod's packets reach the next router."""
    node, caller = NODES[NODE], PODS[CALLER]
    addresses = [
        f"addr %s {_whole(stray)} dev {FABRIC}" + " nodad" * (":" in stray) for stray in STRAYS
    ]
    answers = [
        f"route %s {_whole(pod)} via {router}"
        for pod, router in ((caller.ip, node.ip), (caller.ip6, node.ip6))
    ]
    ip_batch(line % "replace" for line in (*addresses, *answers))
    try:
        return [stray for stray in STRAYS if _is_answered(stray)]
    finally:
        ip_batch(line % "del" for line in (*answers, *addresses))


def _whole(address: str) -> str:
    return f"{address}/128" if ":" in address else f"{address}/32"


def _is_answered(address: str) -> bool:
    try:
        connect(CALLER, address, SERVICE_PORT, patience_s=UNANSWERED_S).close()
    except ConnectionRefusedError:
        return True
    except (OSError, Unanswered):
        return False
    return True


def _require_agent(story: Story) -> Agent:
    assert story.agent is not None, "an earlier chapter starts it"
    return story.agent
