"""What tells rules of one revision apart from those of another configuration or version.

configuration -> a few digits
"""

from zlib import crc32

from app.domain.dataplane.nftables.text import encode as encode_nftables
from app.domain.dataplane.rules.model import RulesConfig
from app.domain.dataplane.rules.node_rules import node_rules
from app.domain.objects.meta import ObjectMeta
from app.domain.objects.node import Node
from app.domain.snapshot import Snapshot


def fingerprint(config: RulesConfig) -> str:
    """Give what changes when the configuration does, or what this version makes of it."""
    bare = node_rules(Snapshot(), Node(metadata=ObjectMeta()), config)
    return fingerprint_of(config, encode_nftables(bare))


def fingerprint_of(config: RulesConfig, fixed: str) -> str:
    """Give that of a configuration, where a registry that holds nothing has the rules ``fixed``."""
    return f"{crc32(f'{config!r} {fixed}'.encode()):08x}"
