"""How rules get into a kernel: the texts of the encoders, given to the programs they are for."""

import shlex
from dataclasses import replace
from typing import Final

from app.agent.conntrack import forget_flows
from app.domain.dataplane.ipvs.applied import apply
from app.domain.dataplane.ipvs.batches import Program, batches
from app.domain.dataplane.ipvs.operations import IPVSState, Operation, RemoveRealServer, state_of
from app.domain.dataplane.ipvs.plan import plan
from app.domain.dataplane.ipvs.state import ipvs_rules
from app.domain.dataplane.nftables.state import Tables, tables_of
from app.domain.dataplane.nftables.table_flows import changed_destinations, is_stale
from app.domain.dataplane.nftables.text import (
    encode,
    encode_delta,
    encode_removal,
)
from app.domain.dataplane.rules.model import NodeRules
from tests.kernel.lab.lab import Backend
from tests.kernel.lab.namespaces import inside, run


class NftablesBackend:
    """One ``nft -f`` for everything, and one for every change after it."""

    def __init__(self) -> None:
        self._current: dict[str, NodeRules] = {}

    def apply(self, desired: NodeRules) -> None:
        """Load the whole the first time, then only what differs."""
        current = self._current.get(desired.node)
        text = encode(desired) if current is None else encode_delta(current, desired)
        if text:
            run("nft", "-f", "-", text=text, namespace=desired.node)
        self._forget_stale_flows(current, desired)
        self._current[desired.node] = desired

    def _forget_stale_flows(self, current: NodeRules | None, desired: NodeRules) -> None:
        """Datagram flows that are tracked already would follow the old translation."""
        before: Tables = {} if current is None else tables_of(current)
        changed = changed_destinations(before, tables_of(desired))
        for facts in desired.families:
            expected = changed.get(facts.family, {})
            with inside(desired.node):
                forget_flows(facts.family, lambda flow: is_stale(flow, expected, facts.addresses))  # noqa: B023  called at once

    def forget_idle_flows_quickly(self, node: str) -> None:
        """Do nothing: each call comes from a new port, which no flow knows."""

    def clear(self, node: str) -> None:
        """Remove the tables."""
        self._current.pop(node, None)
        run("nft", "-f", "-", text=encode_removal(), namespace=node)


class IPVSBackend:
    """A plan's operations, batch by batch, against what the node was led to before.

    A process costs a tenth of a second in an emulated machine, so sets and rules stay
    from one scenario to the next, and jumps that are there are not asked for again.
    """

    def __init__(self) -> None:
        run("modprobe", "ip_vs")  # its settings are there before its first use
        self._states: dict[str, IPVSState] = {}
        self._jumps: set[tuple[str, str]] = set()

    def apply(self, desired: NodeRules) -> None:
        """Take every step but the removals that wait for connections to end."""
        node = desired.node
        state = self._states.get(node, IPVSState())
        steps = plan(state, state_of(ipvs_rules(desired)))
        at_once = [step for step in steps if not _waits(step)]
        for batch in batches(at_once):
            if batch.program is Program.SHELL and (node, batch.text) in self._jumps:
                continue
            run(*shlex.split(batch.program), text=batch.text, namespace=node)
            if batch.program is Program.SHELL:
                self._jumps.add((node, batch.text))
        self._states[node] = apply(at_once, state)

    def forget_idle_flows_quickly(self, node: str) -> None:
        """Let datagram flows end after a second: a client is remembered while one is left."""
        run("ipvsadm", "--set", "0", "0", "1", namespace=node)

    def clear(self, node: str) -> None:
        """Remove virtual servers, and with them all connections and remembered clients."""
        run("ipvsadm", "-C", namespace=node)
        if node in self._states:
            self._states[node] = replace(self._states[node], servers={})


def _waits(step: Operation) -> bool:
    return isinstance(step, RemoveRealServer) and step.when_drained


BACKENDS: Final[dict[str, type[Backend]]] = {"ipvs": IPVSBackend, "nftables": NftablesBackend}
