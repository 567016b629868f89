"""Where the lab runs: a kernel of its own for IPVS, namespaces of this one for nftables.

    backend, scenarios -> run_lab -> a verdict each

Either way the lab is a child that sees the host's files and owns its network,
so nothing it loads is left behind.  User-mode Linux is an ordinary process and
boots in about three seconds.
"""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT = Path(__file__).parents[2]
LAB = "tests.kernel.lab"
AGENTS_LAB = "tests.kernel.lab.agents"
UML = "linux.uml"
UML_MODULES = Path("/usr/lib/uml/modules")
UML_MEMORY = "512M"
LEGACY = "/usr/sbin/xtables-legacy-multi"
_LEGACY_NAMES: Final = tuple(
    f"{program}{verb}"
    for program in ("iptables", "ip6tables")
    for verb in ("", "-restore", "-save")
)
RUN_TIMEOUT_S: Final = {LAB: 300, AGENTS_LAB: 600}
CONSOLE_SHOWN_MAX = 8_000  # characters of a failed machine's console in a report

PROGRAMS: Final = {
    "ipvs": (UML, "modprobe", "ip", "ipvsadm", "ipset", LEGACY, "sysctl"),
    "nftables": ("unshare", "ip", "nft"),
}
_MODULES: Final = (
    *("ipv6", "veth", "bridge", "dummy", "iptable_nat", "iptable_filter"),
    *("ip6table_nat", "ip6table_filter", "ipt_REJECT", "ip6t_REJECT"),
    *("ip_vs", "ip_vs_rr", "ip_vs_wrr", "ip_vs_lc", "ip_vs_wlc", "ip_vs_sh", "ip_vs_mh"),
    *("ip_set_hash_ip", "ip_set_hash_ipport", "ip_set_hash_ipportip", "ip_set_hash_ipportnet"),
    *("ip_set_bitmap_port", "xt_set", "xt_mark", "xt_MASQUERADE", "xt_comment", "xt_ipvs"),
    *("xt_conntrack", "xt_addrtype", "xt_physdev", "nf_conntrack_netlink", "sctp"),
)


class MachineFailed(Exception):
    """The lab ended without saying how its scenarios went."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How one scenario went; ``detail`` is empty when it holds."""

    scenario: str
    detail: str
    seconds: float


Report = Callable[[str], Mapping[str, Verdict]]
"""Gives the verdicts of a backend, by scenario."""


def lacking(backend: str) -> str:
    """Say what this machine lacks to run a backend's scenarios; empty when nothing."""
    if os.geteuid() != 0:
        return "root is needed to load rules into a kernel"
    path = f"/usr/sbin:/sbin:{os.environ.get('PATH', '')}"
    missing = [name for name in PROGRAMS[backend] if shutil.which(name, path=path) is None]
    return f"these programs are missing: {', '.join(missing)}" if missing else ""


def run_lab(
    backend: str, scenarios: Sequence[str], folder: Path, *, lab_module: str = LAB
) -> Mapping[str, Verdict]:
    """Run scenarios of one backend in one machine; ``folder`` is empty and writable."""
    results = folder / "results"
    lab = (sys.executable, "-m", lab_module, backend, str(results), *scenarios)
    start = _in_user_mode_linux if backend == "ipvs" else _in_namespaces
    console = _bounded(start(lab, folder), folder, RUN_TIMEOUT_S[lab_module])
    verdicts = _read_verdicts(results)
    if missing := [name for name in scenarios if name not in verdicts]:
        raise MachineFailed(f"no verdict on {missing}\n{console[-CONSOLE_SHOWN_MAX:]}")
    return verdicts


def _in_namespaces(lab: Sequence[str], folder: Path) -> Sequence[str]:
    script = _script(
        [
            "mount -t proc proc /proc",
            "mount -t sysfs sys /sys",
            "mount -t tmpfs run /run",
            "mkdir /run/netns",
            f"cd {shlex.quote(str(ROOT))}",
            f"exec {shlex.join(lab)}",
        ],
        folder / "init",
    )
    own = ("--net", "--mount", "--pid", "--ipc", "--uts")
    return ("unshare", *own, "--fork", "--kill-child", "--", str(script))


def _in_user_mode_linux(lab: Sequence[str], folder: Path) -> Sequence[str]:
    # modprobe looks below lib/modules; the host's own tree stays as it is.
    modules = folder / "lib" / "modules"
    modules.mkdir(parents=True)
    for version in UML_MODULES.iterdir():
        (modules / version.name).symlink_to(version)
    quoted = shlex.quote(str(folder))
    programs = folder / "bin"
    programs.mkdir()
    for name in _LEGACY_NAMES:
        # The kernel of the machine has the older of the two iptables.
        (programs / name).symlink_to(LEGACY)
    loader = _script([f'exec modprobe -d {quoted} "$@"'], folder / "modprobe")
    script = _script(
        [
            "mount -t proc proc /proc",
            "mount -t sysfs sys /sys",
            "mount -t tmpfs run /run",
            "mkdir /run/netns",
            f"mount -t hostfs -o {quoted} none {quoted}",  # the root is read-only, this is not
            f"echo {shlex.quote(str(loader))} > /proc/sys/kernel/modprobe",
            f"modprobe -d {quoted} -a {' '.join(_MODULES)}",
            f"export PATH={shlex.quote(str(programs))}:$PATH",
            f"cd {shlex.quote(str(ROOT))}",
            f"{shlex.join(lab)} || echo the lab ended with $?",
            "halt -f -p",
        ],
        folder / "init",
    )
    return (
        *(UML, "quiet", "rootfstype=hostfs", "rootflags=/", f"init={script}"),
        *("con0=null,fd:1", "con=null", f"mem={UML_MEMORY}", f"uml_dir={folder}"),
    )


def _script(lines: Iterable[str], path: Path) -> Path:
    head = (
        "#!/bin/sh",
        "export PATH=/usr/sbin:/usr/bin:/sbin:/bin",
        "export PYTHONDONTWRITEBYTECODE=1",
        f"export TMPDIR={shlex.quote(str(path.parent))}",
    )
    path.write_text("".join(f"{line}\n" for line in (*head, *lines)))
    path.chmod(0o755)
    return path


def _bounded(command: Sequence[str], folder: Path, timeout_s: float) -> str:
    """Run a machine until it stops or its time is over; answers what it printed."""
    console = folder / "console"
    path = f"/usr/sbin:/sbin:{os.environ.get('PATH', '')}"
    with (
        console.open("wb") as printed,
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
            env={"PATH": path, "HOME": str(folder)},  # its memory belongs in /dev/shm
            start_new_session=True,  # user-mode Linux is several processes; they end as one
        ) as machine,
    ):
        try:
            machine.wait(timeout_s)
        except subprocess.TimeoutExpired:
            pass
        finally:
            if machine.poll() is None:
                os.killpg(machine.pid, signal.SIGKILL)
    return console.read_text(errors="replace")


def _read_verdicts(results: Path) -> dict[str, Verdict]:
    if not results.exists():
        return {}
    read = (Verdict(**json.loads(line)) for line in results.read_text().splitlines())
    return {verdict.scenario: verdict for verdict in read}
