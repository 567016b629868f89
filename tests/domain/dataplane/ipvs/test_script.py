"""A node's rules as text: what each program is fed, and the script that runs them all."""

import shutil
import subprocess
from pathlib import Path

import pytest

from app.domain.dataplane.ipvs.batches import Batch, Program, batches
from app.domain.dataplane.ipvs.ipsets import elements_max
from app.domain.dataplane.ipvs.operations import IPVSState, state_of
from app.domain.dataplane.ipvs.plan import plan
from app.domain.dataplane.ipvs.script import Part, encode_part
from app.domain.dataplane.ipvs.state import IPVSRules, ipvs_rules
from app.domain.dataplane.rules.model import RulesConfig
from app.domain.dataplane.rules.node_rules import node_rules
from app.domain.names import Revision
from app.domain.objects.resource import Object
from app.domain.objects.service import Service
from app.domain.snapshot import load
from tests.builders import a_node, a_service, an_endpoint, an_endpoint_slice

SH = shutil.which("sh") or "/bin/sh"
WEB = a_service()


def rules_of(*objects: Object, config: RulesConfig | None = None) -> IPVSRules:
    snapshot = load(objects, revision=Revision(7))
    return ipvs_rules(node_rules(snapshot, a_node("n1"), config or RulesConfig()))


def web(*addresses: str, service: Service = WEB) -> IPVSRules:
    return rules_of(service, an_endpoint_slice(*(an_endpoint(a) for a in addresses)))


def test_each_virtual_server_is_followed_by_its_real_servers() -> None:
    assert encode_part(web("10.244.0.1"), Part.IPVSADM) == (
        "-A -t 10.96.0.20:80 -s rr\n-a -t 10.96.0.20:80 -r 10.244.0.1:8080 -m -w 1\n"
    )


def test_addresses_get_the_length_of_a_single_one() -> None:
    dual = a_service(
        cluster_ips=("10.96.0.20", "fd00::14"), ip_families=("IPv4", "IPv6"), name="web"
    )
    assert encode_part(web(service=dual), Part.IP) == (
        "link add kube-ipvs0 type dummy\n"
        "addr add 10.96.0.20/32 dev kube-ipvs0\n"
        "addr add fd00::14/128 dev kube-ipvs0\n"
    )


def test_sysctls_are_lines_for_sysctl() -> None:
    strict = encode_part(rules_of(config=RulesConfig(strict_arp=True)), Part.SYSCTL)
    assert "net.ipv4.conf.all.arp_ignore = 1\n" in strict
    assert "arp_ignore" not in encode_part(rules_of(), Part.SYSCTL)
    assert "conn_reuse_mode" not in strict


def test_every_set_is_made_whether_or_not_it_holds_anything() -> None:
    lines = encode_part(web(), Part.IPSET).splitlines()
    assert sum(line.startswith("create ") for line in lines) == 34
    assert "add KUBE-CLUSTER-IP 10.96.0.20,tcp:80" in lines


@pytest.mark.parametrize(
    ("count", "size"),
    [(0, 65_536), (49_152, 65_536), (49_153, 131_072), (98_304, 131_072), (200_000, 524_288)],
)
def test_sets_are_sized_from_what_they_hold(count: int, size: int) -> None:
    assert elements_max(count) == size


def test_each_family_has_the_rules_about_its_own_sets() -> None:
    four, six = (encode_part(web(), part) for part in (Part.IPTABLES, Part.IP6TABLES))
    assert "--match-set KUBE-CLUSTER-IP " in four
    assert "KUBE-6-" not in four
    assert "--match-set KUBE-6-CLUSTER-IP " in six
    assert [line for line in four.splitlines() if line[0] == "*"] == ["*nat", "*filter"]


def test_a_family_that_is_not_served_has_no_text() -> None:
    only_ipv4 = RulesConfig(ip_families=RulesConfig().ip_families[:1])
    assert encode_part(rules_of(WEB, config=only_ipv4), Part.IP6TABLES) == ""


def test_the_script_is_a_shell_script(tmp_path: Path) -> None:
    script = encode_part(web("10.244.0.1"), Part.SCRIPT)
    checked = subprocess.run([SH, "-n"], input=script, text=True, check=False, timeout=30)
    assert checked.returncode == 0


def test_the_script_goes_from_settings_to_addresses() -> None:
    script = encode_part(web("10.244.0.1"), Part.SCRIPT)
    places = [
        script.index(word)
        for word in ("sysctl -p", "ipset restore", "iptables-restore", "ipvsadm --", "ip -batch")
    ]
    assert places == sorted(places)


@pytest.mark.skipif(not shutil.which("awk"), reason="the script edits with awk")
def test_the_script_edits_what_is_there_and_leaves_others_alone(tmp_path: Path) -> None:
    told = fed(
        tmp_path,
        encode_part(web("10.244.0.1", "10.244.0.2"), Part.SCRIPT),
        held=(
            "-A -t 10.96.0.20:80 -s wlc\n"
            "-a -t 10.96.0.20:80 -r 10.244.0.1:8080 -m -w 3\n"
            "-a -t 10.96.0.20:80 -r 10.244.0.9:8080 -m -w 1\n"
            "-A -t 10.96.0.99:80 -s rr\n"
            "-A -t 198.51.100.1:80 -s rr\n"
            "-a -t 198.51.100.1:80 -r 10.0.0.1:80 -m -w 1\n"
        ),
        bound=("10.96.0.20", "10.96.0.99"),
    )
    assert told == (
        "-E -t 10.96.0.20:80 -s rr\n"
        "-e -t 10.96.0.20:80 -r 10.244.0.1:8080 -m -w 1\n"
        "-a -t 10.96.0.20:80 -r 10.244.0.2:8080 -m -w 1\n"
        "-d -t 10.96.0.20:80 -r 10.244.0.9:8080\n"
        "-D -t 10.96.0.99:80\n"
    )
    assert (tmp_path / "addresses-told").read_text() == (
        "addr replace 10.96.0.20/32 dev kube-ipvs0\naddr del 10.96.0.99/32 dev kube-ipvs0\n"
    )


def fed(folder: Path, script: str, *, held: str, bound: tuple[str, ...]) -> str:
    """Run a script with programs that do nothing, and give what ipvsadm was fed."""
    for name in ("sysctl", "ipset", "iptables", "ip6tables", "modprobe"):
        stub(folder / name, "exit 0")
    for name in ("iptables-restore", "ip6tables-restore"):
        stub(folder / name, "exit 0")
    shown = "".join(
        f"3: kube-ipvs0    inet {address}/32 scope global kube-ipvs0\n" for address in bound
    )
    (folder / "shown").write_text(f"{shown}3: kube-ipvs0    inet6 fe80::1/64 scope link\n")
    stub(
        folder / "ip",
        f'if [ "$1" = -batch ]; then cat > {folder}/addresses-told; else cat {folder}/shown; fi',
    )
    (folder / "held").write_text(held)
    told = folder / "told"
    stub(
        folder / "ipvsadm",
        f'if [ "$1" = --save ]; then cat {folder}/held; else cat > {told}; fi',
    )
    path = f"{folder}:{Path(SH).parent}:/usr/bin:/bin"
    ran = subprocess.run(
        [SH],
        input=script,
        text=True,
        check=False,
        env={"PATH": path, "TMPDIR": str(folder)},
        capture_output=True,
        timeout=30,
    )
    assert ran.returncode == 0, ran.stderr
    return told.read_text()


def stub(path: Path, body: str) -> None:
    path.write_text(f"#!{SH}\n{body}\n")
    path.chmod(0o755)


def planned(current: IPVSState, desired: IPVSRules) -> list[Batch]:
    return batches(plan(current, state_of(desired)))


def test_a_fresh_node_runs_each_program_once() -> None:
    programs = [batch.program for batch in planned(IPVSState(), web("10.244.0.1"))]
    assert programs == [
        Program.SYSCTL,
        Program.IPSET,
        Program.IPTABLES,
        Program.SHELL,
        Program.IP6TABLES,
        Program.SHELL,
        Program.IPVSADM,
        Program.IP,
    ]


def test_a_change_of_endpoints_is_one_run_now_and_one_when_drained() -> None:
    current = state_of(web("10.244.0.1"))
    assert planned(current, web("10.244.0.2")) == [
        Batch(
            Program.IPVSADM,
            "-a -t 10.96.0.20:80 -r 10.244.0.2:8080 -m -w 1\n"
            "-e -t 10.96.0.20:80 -r 10.244.0.1:8080 -m -w 0\n",
        ),
        Batch(
            Program.IPVSADM,
            "-d -t 10.96.0.20:80 -r 10.244.0.1:8080\n",
            when_drained=True,
        ),
    ]


def test_what_goes_is_said_in_reverse() -> None:
    current = state_of(web("10.244.0.1"))
    assert [batch.program for batch in planned(current, rules_of())] == [
        Program.IPVSADM,
        Program.IP,
        Program.IPTABLES,
        Program.SHELL,
        Program.IPSET,
    ]


def test_clean_up_takes_jumps_chains_sets_and_the_interface_away() -> None:
    text = "".join(batch.text for batch in batches(plan(state_of(web("10.244.0.1")), IPVSState())))
    for line in (
        "-D -t 10.96.0.20:80",
        "iptables -w -t nat -D OUTPUT -j KUBE-SERVICES 2>/dev/null || true",
        "ip6tables -w -t filter -X KUBE-IPVS-FILTER 2>/dev/null || true",
        "destroy KUBE-CLUSTER-IP",
        "link del kube-ipvs0",
    ):
        assert f"{line}\n" in text
