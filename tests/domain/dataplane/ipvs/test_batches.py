"""Operations in the words of the programs that take them."""

import pytest

from app.domain.addresses import IPFamily
from app.domain.dataplane.ipvs.batches import Batch, Program, batches
from app.domain.dataplane.ipvs.ipsets import IPSet, SetType
from app.domain.dataplane.ipvs.operations import (
    AddEntry,
    AddRealServer,
    AddVirtualServer,
    BindAddress,
    CreateInterface,
    CreateSet,
    DestroySet,
    DrainRealServer,
    EditVirtualServer,
    Operation,
    RemoveEntry,
    RemoveInterface,
    RemoveRealServer,
    RemoveVirtualServer,
    ReplaceSet,
    SetSysctl,
    SetWeight,
    UnbindAddress,
)
from app.domain.dataplane.ipvs.virtual_server import Flag, VirtualServer, server_key
from app.domain.dataplane.rules.model import DUMMY_INTERFACE
from tests.builders import a_destination

KEY = server_key(IPFamily.IPV4, "TCP", "10.96.0.20", 80)
SIX = server_key(IPFamily.IPV6, "UDP", "fd00::14", 53)
SERVER = VirtualServer(key=KEY, scheduler="rr")
STICKY = VirtualServer(key=SIX, scheduler="mh", persistence_s=60, flags=(Flag.MH_PORT,))
POD, POD_SIX = a_destination("10.244.0.1", 8080), a_destination("fd00::5", 8080, 3)
IPS = IPSet(
    name="KUBE-IPVS-IPS", type=SetType.IP, family="inet", entries=("10.0.0.1",), elements_max=65_536
)
PORTS = IPSet(name="KUBE-NODE-PORT-TCP", type=SetType.PORT, family="inet", entries=("30080",))


@pytest.mark.parametrize(
    ("operation", "program", "text"),
    [
        (SetSysctl("net.ipv4.ip_forward", "1"), Program.SYSCTL, "net.ipv4.ip_forward = 1"),
        (CreateInterface(DUMMY_INTERFACE), Program.IP, "link add kube-ipvs0 type dummy"),
        (RemoveInterface(DUMMY_INTERFACE), Program.IP, "link del kube-ipvs0"),
        (BindAddress("10.96.0.20"), Program.IP, "addr replace 10.96.0.20/32 dev kube-ipvs0"),
        (UnbindAddress("fd00::14"), Program.IP, "addr del fd00::14/128 dev kube-ipvs0"),
        (DestroySet("KUBE-IPVS-IPS"), Program.IPSET, "destroy KUBE-IPVS-IPS"),
        (
            CreateSet(PORTS),
            Program.IPSET,
            "create KUBE-NODE-PORT-TCP bitmap:port range 0-65535 -exist",
        ),
        (AddEntry("KUBE-IPVS-IPS", "10.0.0.1"), Program.IPSET, "add KUBE-IPVS-IPS 10.0.0.1 -exist"),
        (
            RemoveEntry("KUBE-IPVS-IPS", "10.0.0.1"),
            Program.IPSET,
            "del KUBE-IPVS-IPS 10.0.0.1 -exist",
        ),
        (AddVirtualServer(SERVER), Program.IPVSADM, "-A -t 10.96.0.20:80 -s rr"),
        (EditVirtualServer(SERVER), Program.IPVSADM, "-E -t 10.96.0.20:80 -s rr"),
        (EditVirtualServer(STICKY), Program.IPVSADM, "-E -u [fd00::14]:53 -s mh -p 60 -b mh-port"),
        (RemoveVirtualServer(SIX), Program.IPVSADM, "-D -u [fd00::14]:53"),
        (
            AddRealServer(KEY, POD),
            Program.IPVSADM,
            "-a -t 10.96.0.20:80 -r 10.244.0.1:8080 -m -w 1",
        ),
        (
            SetWeight(SIX, POD_SIX),
            Program.IPVSADM,
            "-e -u [fd00::14]:53 -r [fd00::5]:8080 -m -w 3",
        ),
        (
            DrainRealServer(KEY, POD[:2]),
            Program.IPVSADM,
            "-e -t 10.96.0.20:80 -r 10.244.0.1:8080 -m -w 0",
        ),
        (
            RemoveRealServer(KEY, POD[:2], when_drained=False),
            Program.IPVSADM,
            "-d -t 10.96.0.20:80 -r 10.244.0.1:8080",
        ),
    ],
)
def test_an_operation_is_one_line(operation: Operation, program: Program, text: str) -> None:
    assert batches([operation]) == [Batch(program, f"{text}\n")]


def test_a_set_is_replaced_by_filling_a_spare_one_and_swapping_the_two() -> None:
    (batch,) = batches([ReplaceSet(IPS)])
    assert batch.program is Program.IPSET
    made, spare, *rest = batch.text.splitlines()
    assert made.split()[1] == "KUBE-IPVS-IPS"
    name = spare.split()[1]
    assert rest == [
        f"flush {name}",
        f"add {name} 10.0.0.1",
        f"swap {name} KUBE-IPVS-IPS",
        f"destroy {name}",
    ]


def test_neighbours_for_one_program_share_a_run_and_what_waits_has_its_own() -> None:
    gone = [RemoveRealServer(KEY, POD[:2], when_drained=waits) for waits in (False, True)]
    told = batches([AddRealServer(KEY, POD), gone[0], BindAddress("10.96.0.20"), gone[1]])
    assert [(batch.program, len(batch.text.splitlines())) for batch in told] == [
        (Program.IPVSADM, 2),
        (Program.IP, 1),
        (Program.IPVSADM, 1),
    ]
    assert [batch.when_drained for batch in told] == [False, False, True]
