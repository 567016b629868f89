"""In every history of Services, no address or port is held twice, lost, or out of its band.

A history of creates, updates, changes of type and deletes is drawn and run; after
every step the pools must say exactly what the Services hold.
"""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.addresses import Address, IPFamily, family_of
from app.domain.errors import DomainError, Invalid
from app.domain.names import NamespacedName
from app.domain.objects.meta import ObjectMeta
from app.domain.objects.service import Service, ServicePort
from app.domain.registration.service.allocation import addresses_of
from app.domain.registration.service.allocator import Pools, address_bands, port_bands
from tests.domain.registration.core import Core, a_pool_of, assert_consistent

NAMES = ("a", "b", "c")
NODE_PORTS = range(30_000, 30_024)
CIDRS = ("10.0.0.0/27", "fd00::/123")
ADDRESSES = ("10.0.0.1", "10.0.0.17", "010.0.0.18", "10.0.0.31", "fd00::2", "FD00::12", "fd01::1")

ports = st.lists(
    st.builds(
        ServicePort,
        port=st.sampled_from([53, 80]),
        protocol=st.sampled_from(["TCP", "UDP"]),
        target_port=st.just(8080),
        node_port=st.sampled_from([0, 0, 0, 30_001, 30_017, 30_018, 29_999]),
    ),
    min_size=1,
    max_size=3,
).map(lambda drawn: tuple(replace(port, name=f"p{n}") for n, port in enumerate(drawn)))
cluster_ips = st.one_of(
    st.just(()),
    st.just(("None",)),
    st.lists(st.sampled_from(ADDRESSES), min_size=1, max_size=2, unique=True).map(tuple),
)
families = st.one_of(
    st.just(()), st.lists(st.sampled_from(["IPv4", "IPv6"]), max_size=2, unique=True).map(tuple)
)


@st.composite
def drafts(draw: st.DrawFn) -> Service:
    """A manifest of any type, right or wrong."""
    type_ = draw(st.sampled_from(["", "NodePort", "LoadBalancer", "LoadBalancer", "ExternalName"]))
    is_plain = type_ == "ExternalName" or draw(st.booleans())
    texts = () if is_plain else draw(cluster_ips)
    return Service(
        metadata=ObjectMeta(name=draw(st.sampled_from(NAMES)), namespace="default"),
        type=type_,
        selector=draw(st.sampled_from([None, {"app": "web"}])),
        ports=draw(ports),
        cluster_ip=texts[0] if texts else "",
        cluster_ips=texts,
        ip_families=() if is_plain else draw(families),
        ip_family_policy=draw(st.sampled_from([None, *POLICIES])) if type_[:1] != "E" else None,
        external_name="db.example.com" if type_ == "ExternalName" else "",
        external_traffic_policy=draw(st.sampled_from(["", "Local"])) if type_ else "",
        health_check_node_port=draw(st.sampled_from([0, 0, 0, 30_001, 30_019])),
        allocate_load_balancer_node_ports=draw(
            st.sampled_from([None, False]) if type_ == "LoadBalancer" else st.none()
        ),
    )


TYPES = ("ClusterIP", "NodePort", "LoadBalancer")
POLICIES = ("SingleStack", "PreferDualStack", "RequireDualStack")
field_changes: list[dict[str, Any]] = [
    *({"type": type_} for type_ in TYPES),
    {"type": "ExternalName", "external_name": "db.example.com"},
    *({"ip_family_policy": policy} for policy in POLICIES),
    *({"external_traffic_policy": policy} for policy in ("Cluster", "Local")),
]


def ports_change(drawn: tuple[ServicePort, ...]) -> dict[str, Any]:
    """A change of the ports only."""
    return {"ports": drawn}


changes = st.one_of(st.sampled_from(field_changes), ports.map(ports_change))
commands = st.one_of(
    st.tuples(st.just("apply"), drafts()),
    st.tuples(st.just("patch"), st.tuples(st.sampled_from(NAMES), changes)),
    st.tuples(st.just("delete"), st.sampled_from(NAMES)),
)


@given(st.lists(commands, max_size=12))
@settings(deadline=None)
def test_the_pools_hold_what_the_services_hold(history: list[tuple[str, Any]]) -> None:
    core = Core(pools=a_pool_of(*CIDRS, node_ports=NODE_PORTS))
    for command, argument in history:
        before = (core.pools, dict(core.services))
        try:
            run(core, command, argument)
        except DomainError:
            assert (core.pools, core.services) == before
        assert_consistent(core)
        assert_in_band(before[0], before[1], core, asked=argument)


@given(drafts())
@settings(deadline=None)
def test_the_same_manifest_again_changes_nothing(draft: Service) -> None:
    core = Core(pools=a_pool_of(*CIDRS, node_ports=NODE_PORTS))
    try:
        stored = core.create(draft)
    except DomainError:
        return
    if 0 < len(draft.cluster_ips) < len(stored.cluster_ips):
        return  # without the family that the server added, this is a downgrade, as in Kubernetes
    if 0 < len(draft.ip_families) < len(stored.ip_families):
        return
    pools = core.pools
    assert core.update(draft.metadata.key, draft) == stored
    assert core.pools == pools


@given(drafts())
@settings(deadline=None)
def test_a_stored_service_sent_back_changes_nothing(draft: Service) -> None:
    core = Core(pools=a_pool_of(*CIDRS, node_ports=NODE_PORTS))
    try:
        stored = core.create(draft)
    except DomainError:
        return
    assert core.update(draft.metadata.key, stored) == stored


def run(core: Core, command: str, argument: Any) -> None:  # noqa: ANN401  one of the commands
    """Do one step of a history."""
    match command:
        case "apply" if argument.metadata.key in core.services:
            core.update(argument.metadata.key, argument)
        case "apply":
            core.create(argument)
        case "patch":
            name, change = argument
            key = NamespacedName("default", name)
            if key in core.services:
                core.update(key, replace(core.services[key], **change))
        case _:
            key = NamespacedName("default", argument)
            if key in core.services:
                core.delete(key)


def assert_in_band(
    pools: Pools, services: dict[NamespacedName, Service], core: Core, *, asked: object
) -> None:
    """New unrequested numbers come from the dynamic band, unless that was full."""
    wanted = asked if isinstance(asked, Service) else None
    named = set(addresses_of(wanted)) if wanted is not None else set[Address]()
    for key, service in core.services.items():
        known = addresses_of(services[key]) if key in services else ()
        for address in set(addresses_of(service)) - set(known) - named:
            assert_dynamic(pools, address)
    if wanted is not None and wanted.metadata.key in core.services:
        own = services.get(wanted.metadata.key)
        fresh = set(core.services[wanted.metadata.key].node_ports)
        fresh -= set(own.node_ports) if own is not None else set()
        fresh -= {port.node_port for port in wanted.ports} | {wanted.health_check_node_port}
        first, last = port_bands(NODE_PORTS).dynamic
        if pools.held_ports.next_free(first, last) is not None:
            assert not fresh or any(first <= number <= last for number in fresh)


def assert_dynamic(pools: Pools, address: Address) -> None:
    """The address lies in the dynamic band of its family, if there was room."""
    (prefix,) = (r.prefix for r in pools.ranges if r.family == family_of(address))
    first, last = address_bands(prefix).dynamic
    if pools.held_addresses[IPFamily(family_of(address))].next_free(first, last) is not None:
        assert first <= int(address) <= last


@pytest.mark.parametrize("type_", ["NodePort", "LoadBalancer"])
def test_a_node_port_of_an_alias_is_claimed_when_the_type_changes(type_: str) -> None:
    core = Core(pools=a_pool_of(*CIDRS, node_ports=NODE_PORTS))
    carried = (ServicePort(port=80, node_port=30_001),)
    alias = core.create(
        Service(
            metadata=ObjectMeta(name="alias", namespace="default"),
            type="ExternalName",
            external_name="db.example.com",
            ports=carried,
        )
    )
    core.create(
        Service(
            metadata=ObjectMeta(name="owner", namespace="default"), type="NodePort", ports=carried
        )
    )

    with pytest.raises(Invalid, match="already allocated"):
        core.update(alias.metadata.key, replace(alias, type=type_))
