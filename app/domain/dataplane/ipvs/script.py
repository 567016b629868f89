"""A node's whole rule set as text that can be loaded by hand.

    IPVSRules -> one text a program        (``part``)
    IPVSRules -> a shell script that runs all of them in a safe order

The texts are for a node that holds none of it yet.  The script may be run again
and again: what is there is edited rather than made anew, so connections survive.
What is not wanted any more goes, if it is at an address of ours; servers of others
are left alone.

Source: contract.md, ``GET /nodes/{name}/ipvs``; spec ipvs 3.2 and 9.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final

from app.domain.addresses import IPFamily
from app.domain.dataplane.ipvs.batches import RESTORERS, Program, with_mask
from app.domain.dataplane.ipvs.ipsets import encode_sets, encode_swap
from app.domain.dataplane.ipvs.iptables import encode_netfilter, jump_commands
from app.domain.dataplane.ipvs.ipvsadm import encode_servers
from app.domain.dataplane.ipvs.state import REUSE_MODE, IPVSRules
from app.domain.dataplane.rules.model import DUMMY_INTERFACE

_END = "WAYPOST_END"  # ends each text within the script

_EDITING = r"""# Servers that are there are edited; what is not wanted goes, at our addresses only.
ipvsadm --save -n > "$work/held"
ip -o addr show dev @ 2>/dev/null | awk '{ sub("/.*", "", $4) } $4 !~ /^fe80:/ { print $4 }' \
  > "$work/bound"
awk '
  function key() { return $1 ~ /^-[AE]$/ ? $2 " " $3 : $2 " " $3 " " $5 }
  function host(text) { sub(":[0-9]*$", "", text); gsub(/[][]/, "", text); return text }
  FILENAME ~ /wanted$/ { wanted[key()]; if ($1 == "-A") own[$2 " " $3]; next }
  FILENAME ~ /bound$/ { bound[$1]; next }
  FILENAME ~ /held$/ {
    held[key()]
    if (key() in wanted) next
    if ($1 == "-a" && ($2 " " $3) in own) gone[++count] = "-d " $2 " " $3 " -r " $5
    if ($1 == "-A" && host($3) in bound) gone[++count] = "-D " $2 " " $3
    next
  }
  { if (key() in held) $1 = $1 == "-A" ? "-E" : "-e"; print }
  END { for (i = 1; i <= count; i++) print gone[i] }
' "$work/wanted" "$work/bound" "$work/held" - < "$work/wanted" | ipvsadm --restore
ip link show @ >/dev/null 2>&1 || ip link add @ type dummy
awk '
  function masked(address) { return address (address ~ /:/ ? "/128" : "/32") }
  FILENAME ~ /addresses$/ { wanted[$1]; print "addr replace " masked($1) " dev @"; next }
  !($1 in wanted) { print "addr del " masked($1) " dev @" }
' "$work/addresses" "$work/bound" | ip -batch -
""".replace("@", DUMMY_INTERFACE)


class Part(StrEnum):
    """The text that rules are loaded from, by the program that loads it."""

    SCRIPT = "script"
    IPVSADM = "ipvsadm"
    IPSET = "ipset"
    IPTABLES = "iptables"
    IP6TABLES = "ip6tables"
    IP = "ip"
    SYSCTL = "sysctl"


def encode_part(rules: IPVSRules, part: Part) -> str:
    """Write one text; empty when there is nothing to say, as for a family not served."""
    return _WRITERS[part](rules)


def _netfilter(rules: IPVSRules, family: IPFamily) -> str:
    return "".join(encode_netfilter(n) for n in rules.netfilters if n.family is family)


def _ip(rules: IPVSRules) -> str:
    lines = [f"link add {DUMMY_INTERFACE} type dummy"]
    lines += [f"addr add {with_mask(a)} dev {DUMMY_INTERFACE}" for a in rules.addresses]
    return _joined(lines)


def _sysctl(rules: IPVSRules) -> str:
    return _joined([f"{name} = {value}" for name, value in rules.sysctls])


def _script(rules: IPVSRules) -> str:
    schedulers = sorted({f"ip_vs_{server.scheduler}" for server in rules.virtual_servers})
    name, value = REUSE_MODE
    lines = [
        "#!/bin/sh",
        f"# The IPVS rules of node {rules.rules.node} at revision {rules.rules.revision}.",
        "set -eu",
        "work=$(mktemp -d) && trap 'rm -rf \"$work\"' EXIT",
        f"modprobe -a ip_vs {' '.join(schedulers)} dummy 2>/dev/null || true".replace("  ", " "),
        _fed(Program.SYSCTL, _sysctl(rules)),
        f"case $(uname -r) in 4.[1-9]*|5.[0-8]|5.[0-8].*) sysctl -w {name}={value} ;; esac",
        _fed(Program.IPSET, "".join(encode_swap(ipset) for ipset in rules.ipsets)),
    ]
    for netfilter in rules.netfilters:
        lines.append(_fed(RESTORERS[netfilter.family], encode_netfilter(netfilter)))
        lines += jump_commands(netfilter.family)
    lines.append(_kept("wanted", encode_servers(rules.virtual_servers)))
    lines.append(_kept("addresses", _joined(list(rules.addresses))))
    lines.append(_EDITING.rstrip())
    return _joined(lines)


def _fed(program: Program, text: str) -> str:
    return f"{program} <<'{_END}'\n{text}{_END}"


def _kept(name: str, text: str) -> str:
    return f"cat > \"$work/{name}\" <<'{_END}'\n{text}{_END}"


def _joined(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


_WRITERS: Final[Mapping[Part, Callable[[IPVSRules], str]]] = {
    Part.SCRIPT: _script,
    Part.IPVSADM: lambda rules: encode_servers(rules.virtual_servers),
    Part.IPSET: lambda rules: encode_sets(rules.ipsets),
    Part.IPTABLES: lambda rules: _netfilter(rules, IPFamily.IPV4),
    Part.IP6TABLES: lambda rules: _netfilter(rules, IPFamily.IPV6),
    Part.IP: _ip,
    Part.SYSCTL: _sysctl,
}
