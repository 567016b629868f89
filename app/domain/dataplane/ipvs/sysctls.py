"""The kernel settings that IPVS mode needs.

    RulesConfig -> (name, value), sorted

Source: spec ipvs 3.2.
"""

from typing import Final

from app.domain.dataplane.rules.model import RulesConfig

_ALWAYS: Final = (
    ("net.ipv4.ip_forward", "1"),
    ("net.ipv4.vs.conntrack", "1"),
    ("net.ipv4.vs.expire_nodest_conn", "1"),
    ("net.ipv4.vs.expire_quiescent_template", "1"),
)
_STRICT_ARP: Final = (
    ("net.ipv4.conf.all.arp_announce", "2"),
    ("net.ipv4.conf.all.arp_ignore", "1"),
)
REUSE_MODE: Final = ("net.ipv4.vs.conn_reuse_mode", "0")
"""For kernels from 4.1 to 5.8 only: who applies rules knows which it has."""


def sysctls(config: RulesConfig) -> tuple[tuple[str, str], ...]:
    """List the settings a node needs, whatever its kernel."""
    return tuple(sorted((*_ALWAYS, *_STRICT_ARP))) if config.strict_arp else _ALWAYS
