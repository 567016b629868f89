"""Every operation has one spelling, for encoding and decoding."""

import json
from dataclasses import fields, is_dataclass
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from app.domain.addresses import IPFamily
from app.domain.dataplane.ipvs import operations as domain
from app.domain.dataplane.ipvs.ipsets import IPSet, SetName, SetType
from app.domain.dataplane.ipvs.iptables import Netfilter, rejecting_address
from app.domain.dataplane.ipvs.virtual_server import ServerKey, VirtualServer, server_key
from app.domain.dataplane.rules.model import Destination, LocalDetection, LocalSource
from app.domain.objects.pod import WEIGHT_MAX
from app.domain.objects.service import Protocol
from app.schemas.rules.operations import NodeRulesChanges, Operation, encode_operation_list

OPERATIONS = TypeAdapter(tuple[Operation, ...])
KINDS: tuple[type[domain.Operation], ...] = get_args(domain.Operation)

ports, protocols, texts = st.integers(0, 65_535), st.sampled_from(Protocol), st.text(max_size=5)
addresses = st.ip_addresses().map(str)


def a_key(address: str, port: int, protocol: str) -> ServerKey:
    family = IPFamily.IPV6 if ":" in address else IPFamily.IPV4
    return server_key(family, protocol, address, port)


keys = st.builds(a_key, addresses, ports, protocols)
VALUES: dict[object, st.SearchStrategy[Any]] = {
    ServerKey: keys,
    VirtualServer: st.builds(
        VirtualServer,
        keys,
        texts,
        st.lists(texts, max_size=2).map(tuple),
        st.none() | st.integers(0, 86_400),
        st.just(()),  # each is added by an operation of its own
    ),
    Destination: st.tuples(texts, ports, st.integers(0, WEIGHT_MAX)),
    domain.Place: st.tuples(texts, ports),
    IPSet: st.builds(
        IPSet,
        name=texts,
        type=st.sampled_from(SetType),
        family=st.sampled_from(["inet", "inet6"]),
        entries=st.lists(texts, max_size=2).map(tuple),
        elements_max=st.none() | st.integers(0),
    ),
    Netfilter: st.builds(
        Netfilter,
        family=st.sampled_from(IPFamily),
        occupied=st.frozensets(st.sampled_from(SetName), max_size=3),
        rejecting=st.lists(
            st.builds(rejecting_address, addresses, protocols, ports), max_size=2
        ).map(tuple),
        masquerade_all=st.booleans(),
        local_source=st.none() | st.builds(LocalSource, st.sampled_from(LocalDetection), texts),
    ),
}


def drawn(kind: type[domain.Operation]) -> st.SearchStrategy[domain.Operation]:
    """Draw values for the fields of an operation."""
    return st.builds(kind, **{f.name: VALUES[f.type] for f in fields(kind) if f.type in VALUES})


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_an_operation_decodes_to_itself(kind: type[domain.Operation], data: st.DataObject) -> None:
    operation = data.draw(drawn(kind))
    (read,) = OPERATIONS.validate_json(f"[{encode_operation_list([operation])}]")
    assert read == operation
    assert type(read) is kind


def test_every_class_of_the_module_is_an_operation_or_part_of_a_state() -> None:
    defined = [
        kind
        for kind in vars(domain).values()
        if is_dataclass(kind) and getattr(kind, "__module__", "") == domain.__name__
    ]
    assert defined == [domain.HeldSet, domain.IPVSState, *KINDS]


KEY = '{"address":"10.96.17.4","port":80,"protocol":"TCP"}'
SETTINGS = KEY[:-1] + ',"scheduler":"rr","flags":["persistent"],"persistenceTimeoutSeconds":300}'
PLACE = '{"address":"10.244.1.5","port":8080}'
REAL = PLACE[:-1] + ',"weight":1,"forwarding":"masquerade"}'
IPSET = (
    '{"name":"KUBE-CLUSTER-IP","type":"hash:ip,port","family":"inet","maxElements":65536,'
    '"entries":["10.96.17.4,tcp:80"]}'
)
WRITTEN = [
    '{"op":"SetSysctl","name":"net.ipv4.ip_forward","value":"1"}',
    '{"op":"CreateInterface","name":"kube-ipvs0"}',
    '{"op":"RemoveInterface","name":"kube-ipvs0"}',
    f'{{"op":"CreateSet","ipset":{IPSET}}}',
    f'{{"op":"ReplaceSet","ipset":{IPSET.replace("65536", "null")}}}',
    '{"op":"DestroySet","name":"é\\u001f\\""}',
    '{"op":"AddEntry","name":"KUBE-CLUSTER-IP","entry":"10.96.17.4,tcp:80"}',
    '{"op":"RemoveEntry","name":"KUBE-CLUSTER-IP","entry":"10.96.17.4,tcp:80"}',
    '{"op":"RemoveNetfilter","family":"IPv6"}',
    f'{{"op":"AddVirtualServer","virtualServer":{SETTINGS}}}',
    f'{{"op":"EditVirtualServer","virtualServer":{SETTINGS.replace("300", "null")}}}',
    f'{{"op":"RemoveVirtualServer","virtualServer":{KEY}}}',
    f'{{"op":"AddRealServer","virtualServer":{KEY},"realServer":{REAL}}}',
    f'{{"op":"SetWeight","virtualServer":{KEY},"realServer":{REAL}}}',
    f'{{"op":"DrainRealServer","virtualServer":{KEY},"realServer":{PLACE}}}',
    f'{{"op":"RemoveRealServer","virtualServer":{KEY},"realServer":{PLACE},"whenDrained":true}}',
    '{"op":"BindAddress","address":"10.96.17.4"}',
    '{"op":"UnbindAddress","address":"10.96.17.4"}',
]


@pytest.mark.parametrize("written", WRITTEN, ids=lambda written: json.loads(written)["op"])
def test_operations_are_encoded_byte_for_byte_as_agents_expect(written: str) -> None:
    assert encode_operation_list(OPERATIONS.validate_json(f"[{written}]")) == written


def test_filter_rules_are_encoded_with_their_basis() -> None:
    source = LocalSource(LocalDetection.CLUSTER_CIDR, "10.0.0.0/8")
    rules = Netfilter(
        family=IPFamily.IPV4,
        occupied=frozenset({SetName.IPVS_IPS, SetName.CLUSTER_IP}),
        rejecting=(rejecting_address("192.0.2.9", "TCP", 80),),
        local_source=source,
    )
    written = encode_operation_list([domain.ReplaceNetfilter(rules)])
    assert written.startswith('{"op":"ReplaceNetfilter","netfilter":{"family":"IPv4","nat":["')
    assert written.endswith(
        '"],"basis":{"occupiedSets":["KUBE-CLUSTER-IP","KUBE-IPVS-IPS"],"shutAddresses":'
        '[{"address":"192.0.2.9","port":80,"protocol":"TCP"}],"masqueradeAll":false,'
        '"localSource":{"detection":"ClusterCIDR","value":"10.0.0.0/8"}}}}'
    )


REFUSED = [
    ("{}", (), "Unable to extract tag using discriminator 'op'"),
    ('{"op":"Reboot"}', (), "Input tag 'Reboot' found using 'op' does not match"),
    ('{"op":"BindAddress"}', ("BindAddress", "address"), "Field required"),
    ('{"op":"BindAddress","address":1}', ("BindAddress", "address"), "a valid string"),
    (WRITTEN[1][:-1] + ',"up":true}', ("CreateInterface", "up"), "Extra inputs"),
    (WRITTEN[3].replace('"inet"', '"ip"'), ("CreateSet", "ipset", "family"), "'inet' or 'inet6'"),
    (WRITTEN[9].replace("TCP", "tcp"), ("AddVirtualServer", "virtualServer", "protocol"), "'TCP'"),
    (WRITTEN[9].replace("80", str(2**31)), ("AddVirtualServer", "virtualServer", "port"), "less"),
    (WRITTEN[11].replace("10.", "x."), ("RemoveVirtualServer", "virtualServer"), "not an address"),
    (WRITTEN[12].replace(":1,", ":-1,"), ("AddRealServer", "realServer", "weight"), "greater"),
    (WRITTEN[13].replace("masq", "un"), ("SetWeight", "realServer", "forwarding"), "'masquerade'"),
    (WRITTEN[14].replace("8080", "[]"), ("DrainRealServer", "realServer", "port"), "valid integer"),
]


@pytest.mark.parametrize(("written", "path", "message"), REFUSED)
def test_an_invalid_operation_is_refused_with_the_path_of_the_field(
    written: str, path: tuple[str, ...], message: str
) -> None:
    changes = {"operations": [json.loads(WRITTEN[0]), json.loads(written), 1]}
    with pytest.raises(ValidationError) as refusal:
        NodeRulesChanges.model_validate_json(json.dumps(changes))
    (error,) = [error for error in refusal.value.errors() if error["loc"][0] == "operations"]
    assert error["loc"] == ("operations", 1, *path)
    assert message in error["msg"]
