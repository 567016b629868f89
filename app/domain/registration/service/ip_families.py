"""The dual-stack matrix: the IP families of a Service, and its number of addresses.

    draft, current | None, Pools -> the draft with policy and families set, or refused

Addresses are not chosen here.  The order of the steps is part of the contract,
because a refusal in one step hides those of later steps.
Source: spec kubernetes-api 1.8 (KEP-563).
"""

from collections.abc import Iterator
from typing import Final

from app.domain.addresses import IPFamily, family_of_text
from app.domain.copies import replace
from app.domain.errors import Invalid, Violation
from app.domain.objects.service import HEADLESS, IPFamilyPolicy, Service
from app.domain.registration.service.allocator import Pools
from app.domain.registration.validation.addresses import address_violations
from app.domain.violations import duplicate, invalid, not_supported, required

_POLICY = "spec.ipFamilyPolicy"
_FAMILIES: Final = frozenset(IPFamily)
_POLICIES: Final = frozenset(IPFamilyPolicy)
_CLUSTER_IPS_MAX = 2


def resolve_families(current: Service | None, draft: Service, pools: Pools) -> Service:
    """Set policy and families of a Service, unless it is an alias or nothing changes.

    Raises Invalid when the request contradicts itself, the stored object or the
    configured ranges.
    """
    if draft.is_external_name or is_settled(current, draft):
        return draft
    draft = replace(draft, ip_family_policy=_policy(current, draft))
    _refuse(draft, cluster_ip_violations(current, draft))
    found: list[Violation] = []
    if current is not None:
        draft, reductions = _reduced(current, draft)
        found.extend(reductions)
    found.extend(_single_stack_violations(draft))
    draft, unserved = _inferred(draft, pools)
    _refuse(draft, (*found, *unserved))
    needs_ranges = not draft.is_headless or draft.has_selector
    if needs_ranges:
        _refuse(draft, _unconfigured_violations(draft, pools))
    families = draft.ip_families or (pools.default_family,)
    may_be_dual = not needs_ranges or len(pools.families) == len(_FAMILIES)
    wants_more = draft.ip_family_policy != IPFamilyPolicy.SINGLE_STACK
    if wants_more and may_be_dual and len(families) == 1:
        families = (families[0], IPFamily(families[0]).other)
    return replace(draft, ip_families=families)


def is_settled(current: Service | None, draft: Service) -> bool:
    """Whether families must stay: no upgrade to dual-stack unasked (spec 1.8 step 0)."""
    return (
        current is not None
        and not current.is_external_name
        and current.type == draft.type
        and current.ip_family_policy == IPFamilyPolicy.PREFER_DUAL_STACK
        and draft.ip_family_policy == IPFamilyPolicy.PREFER_DUAL_STACK
        and current.cluster_ip == draft.cluster_ip
        and current.cluster_ips == draft.cluster_ips
        and current.ip_families == draft.ip_families
    )


def cluster_ip_violations(current: Service | None, draft: Service) -> tuple[Violation, ...]:
    """List what is wrong with the four linked fields alone (spec 1.8 step 2)."""
    found = [*_sync_violations(draft), *_word_violations(draft)]
    accepted = () if current is None else current.cluster_ips
    malformed = _address_violations(draft, accepted)
    found.extend(malformed)
    if len(draft.cluster_ips) > _CLUSTER_IPS_MAX:
        detail = f"may only hold up to {_CLUSTER_IPS_MAX} values"
        found.append(invalid("spec.clusterIPs", draft.cluster_ips, detail))
    if malformed:
        return tuple(found)
    families = [family_of_text(text) for text in draft.cluster_ips]
    if len(families) > 1 and len(set(families)) != len(_FAMILIES):
        detail = "may specify no more than one IP for each IP family"
        found.append(invalid("spec.clusterIPs", draft.cluster_ips, detail))
    if not found and not draft.is_headless:
        found.extend(_mismatch_violations(draft))
    return tuple(found)


def _policy(current: Service | None, draft: Service) -> str:
    if draft.ip_family_policy is not None:
        return draft.ip_family_policy
    if current is not None and current.ip_family_policy is not None:
        return current.ip_family_policy
    if draft.is_headless and not draft.has_selector:
        return IPFamilyPolicy.REQUIRE_DUAL_STACK
    return IPFamilyPolicy.SINGLE_STACK


def _refuse(draft: Service, found: tuple[Violation, ...]) -> None:
    if found:
        raise Invalid("Service", draft.metadata.name, found)


def _sync_violations(draft: Service) -> Iterator[Violation]:
    field, texts = "spec.clusterIPs", draft.cluster_ips
    if not draft.cluster_ip:
        if texts:
            yield invalid(field, texts, "must be empty when `clusterIP` is not specified")
    elif not texts:
        yield required(field)
    elif texts[0] != draft.cluster_ip:
        yield invalid(field, texts, "first value must match `clusterIP`")


def _word_violations(draft: Service) -> Iterator[Violation]:
    for index, family in enumerate(draft.ip_families):
        field = f"spec.ipFamilies[{index}]"
        if family not in _FAMILIES:
            yield not_supported(field, family, _FAMILIES)
        if family in draft.ip_families[:index]:
            yield duplicate(field, family)
    policy = draft.ip_family_policy
    if policy is not None and policy not in _POLICIES:
        yield not_supported(_POLICY, policy, _POLICIES)


def _address_violations(draft: Service, accepted: tuple[str, ...]) -> list[Violation]:
    found: list[Violation] = []
    for index, text in enumerate(draft.cluster_ips):
        if index == 0 and text == HEADLESS:
            if len(draft.cluster_ips) > 1:
                detail = "'None' must be the first and only value"
                found.append(invalid("spec.clusterIPs", draft.cluster_ips, detail))
            continue
        field = f"spec.clusterIPs[{index}]"
        found.extend(address_violations(field, text, accepted=accepted))
    return found


def _mismatch_violations(draft: Service) -> list[Violation]:
    return [
        invalid(
            f"spec.clusterIPs[{index}]",
            text,
            f"expected an {family} value as indicated by `ipFamilies[{index}]`",
        )
        for index, (text, family) in enumerate(
            zip(draft.cluster_ips, draft.ip_families, strict=False)
        )
        if family_of_text(text) != family
    ]


def _reduced(current: Service, draft: Service) -> tuple[Service, list[Violation]]:
    """Drop the secondary family on a change to SingleStack; refuse that under other policies."""
    if draft.ip_family_policy == IPFamilyPolicy.SINGLE_STACK:
        if draft.cluster_ips == current.cluster_ips:
            draft = replace(draft, cluster_ips=draft.cluster_ips[:1])
        if draft.ip_families == current.ip_families:
            draft = replace(draft, ip_families=draft.ip_families[:1])
        return draft, []
    lists = (
        ("cluster IP", current.cluster_ips, draft.cluster_ips),
        ("IP family", current.ip_families, draft.ip_families),
    )
    return draft, [
        invalid(
            _POLICY,
            draft.ip_family_policy,
            f"must be 'SingleStack' to release the secondary {what}",
        )
        for what, before, after in lists
        if after and len(after) < len(before)
    ]


def _single_stack_violations(draft: Service) -> list[Violation]:
    if draft.ip_family_policy != IPFamilyPolicy.SINGLE_STACK:
        return []
    lists = (("cluster IPs", draft.cluster_ips), ("IP families", draft.ip_families))
    return [
        invalid(
            _POLICY,
            draft.ip_family_policy,
            f"must be 'RequireDualStack' or 'PreferDualStack' when multiple {what} are specified",
        )
        for what, values in lists
        if len(values) == _CLUSTER_IPS_MAX
    ]


def _inferred(draft: Service, pools: Pools) -> tuple[Service, list[Violation]]:
    """Add the family of every given address for which no family is given."""
    families, found = list(draft.ip_families), list[Violation]()
    for index, text in enumerate(draft.cluster_ips):
        if text == HEADLESS:
            break
        family = family_of_text(text)
        assert family is not None, "malformed addresses are refused before"
        if index < len(families):
            continue
        if family in pools.families:
            families.append(family)
        else:
            detail = f"{family} is not configured on this cluster"
            found.append(invalid(f"spec.clusterIPs[{index}]", draft.cluster_ips, detail))
    return replace(draft, ip_families=tuple(families)), found


def _unconfigured_violations(draft: Service, pools: Pools) -> tuple[Violation, ...]:
    found: list[Violation] = []
    is_dual_required = draft.ip_family_policy == IPFamilyPolicy.REQUIRE_DUAL_STACK
    if is_dual_required and len(pools.families) < len(_FAMILIES):
        detail = "this cluster is not configured for dual-stack services"
        found.append(invalid(_POLICY, draft.ip_family_policy, detail))
    found.extend(
        invalid(f"spec.ipFamilies[{index}]", family, "not configured on this cluster")
        for index, family in enumerate(draft.ip_families)
        if family not in pools.families
    )
    return tuple(found)
