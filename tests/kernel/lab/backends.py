"""How rules get into a kernel: the texts of the encoders, given to the programs they are for."""

from typing import Final

from app.domain.addresses import IPFamily
from app.domain.dataplane.ipsets import encode_sets
from app.domain.dataplane.iptables import encode_netfilter, jump_commands
from app.domain.dataplane.ipvs import DUMMY_INTERFACE, ipvs_rules
from app.domain.dataplane.ipvsadm import encode_servers
from app.domain.dataplane.nftables import encode, encode_delta, encode_removal
from app.domain.dataplane.rules import NodeRules
from tests.kernel.lab.lab import Backend
from tests.kernel.lab.namespaces import CommandFailed, ip_batch, run, write_sysctls


class NftablesBackend:
    """One ``nft -f`` for everything, and one for every change after it."""

    def apply(self, current: NodeRules | None, desired: NodeRules) -> None:
        """Load the whole the first time, then only what differs."""
        text = encode(desired) if current is None else encode_delta(current, desired)
        if text:
            run("nft", "-c", "-f", "-", text=text, namespace=desired.node)
            run("nft", "-f", "-", text=text, namespace=desired.node)

    def forget_idle_flows_quickly(self, node: str) -> None:
        """Do nothing: each call comes from a new port, which no flow knows."""

    def clear(self, node: str) -> None:
        """Remove the tables."""
        run("nft", "-f", "-", text=encode_removal(), namespace=node)


class IPVSBackend:
    """ipset, iptables, addresses and virtual servers, each by its restore command."""

    def apply(self, current: NodeRules | None, desired: NodeRules) -> None:
        """Load everything; what is there already is left alone or replaced."""
        rules, node = ipvs_rules(desired), desired.node
        if current is None:
            ip_batch([f"link add {DUMMY_INTERFACE} type dummy"], namespace=node)
        write_sysctls(
            {name.replace(".", "/"): value for name, value in rules.sysctls}, namespace=node
        )
        run("ipset", "restore", text=encode_sets(rules.ipsets), namespace=node)
        for netfilter in rules.netfilters:
            program = "iptables" if netfilter.family is IPFamily.IPV4 else "ip6tables"
            restore = (f"{program}-legacy-restore", "--noflush")
            run(*restore, text=encode_netfilter(netfilter), namespace=node)
            if current is None:
                jumps = " && ".join(f"({line})" for line in jump_commands(netfilter.family))
                run("sh", "-c", jumps.replace(f"{program} ", f"{program}-legacy "), namespace=node)
        ip_batch(_flush_and_bind(rules.addresses), namespace=node)
        run("ipvsadm", "-C", namespace=node)
        run("ipvsadm", "--restore", text=encode_servers(rules.virtual_servers), namespace=node)

    def forget_idle_flows_quickly(self, node: str) -> None:
        """Let datagram flows end after a second: a client is remembered while one is left."""
        run("ipvsadm", "--set", "0", "0", "1", namespace=node)

    def clear(self, node: str) -> None:
        """Remove virtual servers, addresses, rules and sets."""
        run("ipvsadm", "-C", namespace=node)
        for program in ("iptables-legacy", "ip6tables-legacy"):
            for table in ("nat", "filter"):
                run(program, "-t", table, "-F", namespace=node)
                run(program, "-t", table, "-X", namespace=node)
        run("ipset", "destroy", namespace=node)
        try:
            ip_batch([f"link del {DUMMY_INTERFACE}"], namespace=node)
        except CommandFailed:
            return  # the scenario applied nothing


def _flush_and_bind(addresses: tuple[str, ...]) -> list[str]:
    return [
        f"addr flush dev {DUMMY_INTERFACE}",
        *(
            f"addr add {address}/{128 if ':' in address else 32} dev {DUMMY_INTERFACE}"
            for address in addresses
        ),
    ]


BACKENDS: Final[dict[str, type[Backend]]] = {"ipvs": IPVSBackend, "nftables": NftablesBackend}
