"""How nft spells addresses, keys and clients, which differs by IP family.

    IPFamily -> Words -> expressions of rules and declarations

Source: spec ipvs 8.
"""

from dataclasses import dataclass
from typing import Final

from app.domain.addresses import IPFamily
from app.domain.dataplane.nftables.elements import ANY_ADDRESS

_HASHES: Final = 0xFFFF_FFFF  # how many values a hash has


@dataclass(frozen=True, slots=True)
class Words:
    """How nft spells the same thing in one family."""

    ip: str
    zero: str
    loopback: str

    def key(self, protocol: str) -> str:
        """Spell where a packet is sent."""
        return f"{self.ip} daddr . {protocol} dport"

    def node_port_key(self, protocol: str) -> str:
        """Spell the same, whichever of the node's addresses it is."""
        return f"({self.ip} daddr & {self.zero}) . {protocol} dport"

    def client(self, key: str) -> str:
        """Spell who sends where, as affinity remembers it.

        nft 1.0.6 fills a map from packets only by keys of up to 16 bytes, so the
        longer addresses are hashed, twice: what collides shares an endpoint, no more.
        """
        pair = f"{self.ip} saddr . {key}"
        if self.ip == "ip":
            return pair
        return " . ".join(f"jhash {pair} mod {_HASHES} seed {seed}" for seed in ("0x1", "0x2"))

    @property
    def client_type(self) -> str:
        """Spell what ``client`` yields, for a declaration."""
        if self.ip == "ip":
            return "ip saddr . ip daddr . tcp dport"
        # Listing a set whose type is spelt as a hash crashes nft 1.0.6; this is the same type.
        return f"numgen random mod {_HASHES} . numgen random mod {_HASHES}"

    @property
    def original_key(self) -> str:
        """Where the first packet of a connection was sent, before it was translated."""
        return f"ct original {self.ip} daddr . ct original proto-dst"

    @property
    def original_node_port_key(self) -> str:
        """The same, whichever of the node's addresses it was."""
        return f"(ct original {self.ip} daddr & {self.zero}) . ct original proto-dst"


WORDS: Final = {
    family: Words(ip, ANY_ADDRESS[family], loopback)
    for family, ip, loopback in (
        (IPFamily.IPV4, "ip", "127.0.0.0/8"),
        (IPFamily.IPV6, "ip6", "::1"),
    )
}
