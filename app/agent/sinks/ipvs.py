"""The kernel's IPVS, sets, filter rules and addresses, through their command-line programs.

    operations -> batches -> one run per program
    ipvsadm --save, ipset save, ip -j addr, iptables-save, /proc/sys -> IPVSState

Waypost's part of the kernel's state is read back, so that a restart finds what was
there.  Filter rules cannot be parsed back into their model: their text is compared with
the text that the kernel listed right after they were written.

Source: spec ipvs 7, "do better" (b) and (c).
"""

import logging
import platform
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

from app.agent.sinks import programs
from app.agent.sinks.programs import Run
from app.agent.sinks.readings import (
    Written,
    is_ours,
    parse_bound,
    parse_connections,
    parse_ipsets,
    parse_written,
)
from app.agent.sinks.sink import SinkFailed
from app.domain.addresses import IPFamily
from app.domain.dataplane.ipvs.batches import Batch, Program, batches
from app.domain.dataplane.ipvs.iptables import PROGRAMS, Netfilter, jump_commands
from app.domain.dataplane.ipvs.ipvsadm import parse_servers
from app.domain.dataplane.ipvs.operations import (
    IPVSState,
    Operation,
    RealServerKey,
    ReplaceNetfilter,
)
from app.domain.dataplane.ipvs.state import REUSE_MODE
from app.domain.dataplane.rules.model import LocalDetection, LocalSource
from app.domain.errors import BadRequest

SETTINGS: Final = Path("/proc/sys")
_REUSE_MODE_SINCE, _REUSE_MODE_UNTIL = (4, 1), (5, 9)  # kernels, see REUSE_MODE
_log = logging.getLogger(__name__)


class IPVSSink:
    """The kernel of this machine; changing it needs CAP_NET_ADMIN."""

    def __init__(self, run: Run = programs.run, *, settings: Path = SETTINGS) -> None:
        """Run programs with ``run``; read sysctls below ``settings``."""
        self._run, self._settings_folder = run, settings
        self._written: dict[IPFamily, tuple[Netfilter, Written]] = {}
        self._with_jumps: set[IPFamily] = set()
        self._missing: set[str] = set()

    async def observe(self, known: IPVSState) -> IPVSState:
        """Read Waypost's part of the kernel's state; raises SinkFailed."""
        try:
            servers = parse_servers(await self._run("ipvsadm --save -n"))
            sets = parse_ipsets(await self._run("ipset save"))
            bound = parse_bound(await self._run("ip -j addr show"))
        except (BadRequest, ValueError, LookupError) as error:
            raise SinkFailed(f"the kernel's state cannot be read: {error!r}") from error
        return IPVSState(
            sysctls=self._settings(known.sysctls),
            has_interface=bound.has_interface,
            addresses=bound.addresses,
            ipsets=sets,
            netfilters=await self._netfilters(known),
            servers={
                key: server
                for key, server in servers.items()
                if key in known.servers or is_ours(key, sets, bound)
            },
        )

    async def apply(self, steps: Sequence[Operation]) -> None:
        """Run each program as often as the order of steps needs, mostly once; raises SinkFailed."""
        for batch in batches(steps):
            text = self._adjusted(batch)
            if text:
                await self._run(batch.program, text=text)
        for step in steps:
            if isinstance(step, ReplaceNetfilter):
                family = step.netfilter.family
                written = await self._read_written(family)
                if not written.chains:
                    program = PROGRAMS[family]
                    raise SinkFailed(f"{program}-save does not show what {program}-restore wrote")
                self._note(family, step.netfilter, written)

    async def idle(self, servers: Collection[RealServerKey]) -> Collection[RealServerKey]:
        """Return the servers without connections, active or inactive."""
        counts = parse_connections(await self._run("ipvsadm -L -n"))
        return [server for server in servers if not counts.get(server)]

    def _adjusted(self, batch: Batch) -> str:
        """Omit jumps that exist already, and add what only some kernels need."""
        if batch.program is Program.SYSCTL and _needs_reuse_mode(platform.release()):
            name, value = REUSE_MODE
            return f"{batch.text}{name} = {value}\n"
        for family in self._with_jumps:
            if batch.text == "".join(f"{line}\n" for line in jump_commands(family)):
                return ""
        return batch.text

    def _settings(self, names: Mapping[str, str]) -> dict[str, str]:
        """Read sysctls; those that this kernel lacks count as set."""
        found: dict[str, str] = {}
        for name, wanted in names.items():
            try:
                found[name] = (self._settings_folder / name.replace(".", "/")).read_text().strip()
            except OSError:
                found[name] = wanted
                if name not in self._missing:
                    self._missing.add(name)
                    _log.warning("this kernel has no sysctl %s", name)
        return found

    async def _netfilters(self, known: IPVSState) -> dict[IPFamily, Netfilter]:
        found: dict[IPFamily, Netfilter] = {}
        for family in IPFamily:
            try:
                written = await self._read_written(family)
            except SinkFailed:
                if family in known.netfilters:
                    raise
                continue  # a machine without IPv6 may lack its programs
            rules, as_written = self._written.get(family, (None, None))
            if rules is not None and as_written == written:
                found[family] = rules
            elif written.chains:
                found[family] = _unknown(family, written)
            self._note(family, found.get(family), written)
        return found

    async def _read_written(self, family: IPFamily) -> Written:
        return parse_written(await self._run(f"{PROGRAMS[family]}-save"))

    def _note(self, family: IPFamily, rules: Netfilter | None, written: Written) -> None:
        if rules is None or not written.has_all_jumps:
            self._written.pop(family, None)
        else:
            self._written[family] = (rules, written)
        if written.has_all_jumps:
            self._with_jumps.add(family)
        else:
            self._with_jumps.discard(family)


def _unknown(family: IPFamily, written: Written) -> Netfilter:
    """Make rules that equal no desired ones, with the sets that the written rules use."""
    nothing = LocalSource(LocalDetection.CLUSTER_CIDR, "")
    return Netfilter(family=family, occupied=written.occupied(family), local_source=nothing)


def _needs_reuse_mode(release: str) -> bool:
    numbers = tuple(int(part) for part in release.split(".")[:2] if part.isdecimal())
    return _REUSE_MODE_SINCE <= numbers < _REUSE_MODE_UNTIL
