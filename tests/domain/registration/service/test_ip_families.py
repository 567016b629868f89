"""The dual-stack matrix: every vector, then cases outside the matrix."""

from collections import Counter
from typing import Any

import pytest

from app.domain.addresses import IPFamily
from app.domain.errors import Invalid
from app.domain.objects.service import Service
from app.domain.registration.service.allocator import Pools
from app.domain.registration.service.ip_families import cluster_ip_violations
from app.domain.registration.service.strategy import admit_create, admit_update
from app.schemas.objects.codec import decode_object
from tests.domain.registration.core import a_pool_of
from tests.vector_matching import load_vectors

CIDRS = {"IPv4": "10.0.0.0/16", "IPv6": "2000::/108"}

vectors = load_vectors("ipfamily.json")


def title(vector: dict[str, Any]) -> str:
    """A vector in one line."""
    asked = (vector["clusterIPs"], vector["ipFamilyPolicy"], vector["ipFamilies"])
    selector = "" if vector["selector"] else " selectorless"
    return f"{'+'.join(vector['cluster'])}{selector} {asked}"


@pytest.mark.parametrize("vector", vectors, ids=title)
def test_a_cell_of_the_matrix_holds(vector: dict[str, Any]) -> None:
    outcome, expect = resolved(vector), vector["expect"]
    if isinstance(outcome, Invalid):
        assert not expect["accepted"], f"refused: {outcome}"
        assert Counter((cause.field, str(cause.reason)) for cause in outcome.causes) == Counter(
            (error["field"], error["reason"]) for error in expect["errors"]
        )
        return
    assert expect["accepted"]
    assert outcome.ip_family_policy == expect["ipFamilyPolicy"]
    assert list(outcome.ip_families) == expect["ipFamilies"]
    if expect["clusterIPs"] == "None":
        assert outcome.cluster_ips == ("None",)
    else:
        assert len(outcome.cluster_ips) == expect["clusterIPs"]
        assert outcome.cluster_ip == outcome.cluster_ips[0]


@pytest.mark.parametrize(
    ("addresses", "messages"),
    [
        (["10.0.0.5", "2000::5"], []),
        (["10.0.0.5", "10.0.0.6"], ["no more than one IP for each IP family"]),
        (["2000::5", "2000::6"], ["no more than one IP for each IP family"]),
        (["10.0.0.5", "2000::5", "10.0.0.6"], ["only hold up to 2 values"]),
    ],
)
def test_a_service_has_one_address_of_each_family_at_most(
    addresses: list[str], messages: list[str]
) -> None:
    draft = a_draft(clusterIP=addresses[0], clusterIPs=addresses, ipFamilyPolicy="RequireDualStack")
    found = cluster_ip_violations(None, draft)
    assert [cause.field for cause in found] == ["spec.clusterIPs"] * len(messages)
    for cause, message in zip(found, messages, strict=True):
        assert message in cause.message


def test_a_service_that_prefers_both_families_is_not_upgraded_unasked() -> None:
    before = admit_create(a_draft(ipFamilyPolicy="PreferDualStack"), pools_for(["IPv4"]))
    dual = pools_for(["IPv4", "IPv6"])

    echoed = admit_update(before.service, before.service, dual).service

    assert echoed.ip_families == ("IPv4",)
    assert len(echoed.cluster_ips) == 1


def test_a_downgrade_frees_the_second_address_and_keeps_the_first() -> None:
    dual = pools_for(["IPv4", "IPv6"])
    before = admit_create(a_draft(ipFamilyPolicy="RequireDualStack"), dual)

    after = admit_update(before.service, a_draft(ipFamilyPolicy="SingleStack"), before.pools)

    assert after.service.cluster_ips == before.service.cluster_ips[:1]
    assert after.service.ip_families == ("IPv4",)
    assert after.pools.held_addresses[IPFamily.IPV6] == dual.held_addresses[IPFamily.IPV6]
    assert after.pools.held_addresses[IPFamily.IPV4] == before.pools.held_addresses[IPFamily.IPV4]


def test_expressions_alone_count_as_a_selector() -> None:
    expressions = [{"key": "app", "operator": "Exists"}]
    draft = a_draft(selector=None, clusterIP="None", selectorExpressions=expressions)

    service = admit_create(draft, pools_for(["IPv4"])).service

    assert service.ip_family_policy == "SingleStack"


def resolved(vector: dict[str, Any]) -> Service | Invalid:
    """Admit what a vector describes."""
    try:
        return admit_create(draft_of(vector), pools_for(vector["cluster"])).service
    except Invalid as refusal:
        return refusal


def pools_for(families: list[str]) -> Pools:
    """One range per family, the default first."""
    return a_pool_of(*(CIDRS[family] for family in families))


def draft_of(vector: dict[str, Any]) -> Service:
    """The manifest that a vector describes."""
    cluster_ips: list[str] = vector["clusterIPs"] or []
    return a_draft(
        selector={"app": "web"} if vector["selector"] else None,
        clusterIPs=cluster_ips,
        clusterIP=cluster_ips[0] if cluster_ips else None,
        ipFamilyPolicy=vector["ipFamilyPolicy"],
        ipFamilies=vector["ipFamilies"],
    )


def a_draft(**spec: Any) -> Service:  # noqa: ANN401  any field of the manifest
    """A manifest with one port."""
    document = {
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}], **spec},
    }
    service = decode_object(document, "Service").object
    assert isinstance(service, Service)
    return service
