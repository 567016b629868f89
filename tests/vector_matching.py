"""The expectations of the vectors of registration, and their comparison with answers.

    expectation, answer, previous object -> differences (none when it matches)

Shared by the tests that run the vectors against the core and over HTTP.
Matchers take the place of values: ``{"$absent": true}`` (missing, null, empty or
0), ``$any``, ``$intBetween``, ``$ipBetween``, ``$regex``, ``$sameAsBefore``.
"""

import json
import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, cast

VECTORS = Path(__file__).parent / "vectors"

ABSENT: Final = object()
"""Represents an absent field."""

CONTRACT_WINS: Mapping[str, Mapping[str, Any]] = {
    # Field paths are spelt as the fields are, not with upstream's capital L.
    "sourceranges-bad-cidr-field-path-capital-L": {
        "errors": [{"field": "spec.loadBalancerSourceRanges[0]", "reason": "FieldValueInvalid"}],
    },
    "sourceranges-host-bits-strict": {
        "errors": [{"field": "spec.loadBalancerSourceRanges[0]", "reason": "FieldValueInvalid"}],
    },
    "sourceranges-on-nodeport": {
        "errors": [{"field": "spec.loadBalancerSourceRanges", "reason": "FieldValueForbidden"}],
    },
    # An exhausted range is 409 Exhausted, not 500: an expected condition must not page anyone.
    "cidr-32-has-no-address": {
        "code": 409,
        "status_reason": "Exhausted",
        "errors": [{"field": "", "reason": "Exhausted"}],
    },
    "nodeport-pool-exhausted-500": {
        "code": 409,
        "status_reason": "Exhausted",
        "errors": [{"field": "", "reason": "Exhausted"}],
    },
    # Nor is an unavailable port an internal error: it is refused like any node port.
    "lb-local-healthcheck-port-in-use-is-500": {
        "code": 422,
        "status_reason": "Invalid",
        "errors": [{"field": "spec.healthCheckNodePort", "reason": "FieldValueInvalid"}],
    },
    "lb-local-healthcheck-port-out-of-range-is-500": {
        "code": 422,
        "status_reason": "Invalid",
        "errors": [{"field": "spec.healthCheckNodePort", "reason": "FieldValueInvalid"}],
    },
    # dryRun=All checks and shows what a real write would do, allocation included.
    "dryrun-create-reports-network-address": {
        "result": {"spec": {"clusterIP": {"$ipBetween": ["10.96.0.17", "10.96.0.254"]}}},
    },
    "dryrun-explicit-ip-in-use-is-not-detected": {
        "accepted": False,
        "code": 422,
        "status_reason": "Invalid",
        "result": {},
        "errors": [{"field": "spec.clusterIPs", "reason": "FieldValueInvalid"}],
    },
}
"""Expectations that replace those of vectors from which contract.md departs on purpose."""

NEEDS_ADMISSION: Mapping[str, str] = {
    "deny-externalips-create": "an admission policy, which comes with access control",
    "deny-externalips-update-subset-ok": "an admission policy, which comes with access control",
    "deny-externalips-update-new-ip": "an admission policy, which comes with access control",
    "quota-services-count": "a quota, which comes with access control",
}
"""Vectors that need authorisation, which does not exist yet."""


def load_vectors(file: str) -> list[dict[str, Any]]:
    """Read one file of vectors, with the contract's expectations where it departs."""
    vectors = cast("list[dict[str, Any]]", json.loads((VECTORS / file).read_text()))
    for vector in vectors:
        if (wins := CONTRACT_WINS.get(str(vector.get("name")))) is not None:
            vector["expect"] = {**vector["expect"], **wins}
    return vectors


def differences(
    expected: object, actual: object, *, before: object = ABSENT, path: str = ""
) -> list[str]:
    """List where ``actual`` differs from the expectation; mappings may have more fields."""
    return list(_differences(expected, actual, before, path))


def _differences(expected: object, actual: object, before: object, path: str) -> Iterator[str]:
    if isinstance(expected, dict):
        wanted = cast("dict[str, object]", expected)
        matcher = next(iter(wanted), "")
        if matcher.startswith("$"):
            if not _matches(matcher, wanted[matcher], actual, before):
                yield f"{path}: expected {wanted}, got {_shown(actual)}"
            return
        for field, value in wanted.items():
            yield from _differences(
                value, _member(actual, field), _member(before, field), f"{path}.{field}"
            )
    elif isinstance(expected, list):
        yield from _list_differences(cast("list[object]", expected), actual, before, path)
    elif expected != actual or isinstance(expected, bool) is not isinstance(actual, bool):
        yield f"{path}: expected {expected!r}, got {_shown(actual)}"


def _list_differences(
    expected: list[object], actual: object, before: object, path: str
) -> Iterator[str]:
    if not isinstance(actual, list | tuple):
        yield f"{path}: expected a list, got {_shown(actual)}"
        return
    entries = list(cast("list[object]", actual))
    if len(entries) != len(expected):
        yield f"{path}: expected {len(expected)} entries, got {entries}"
        return
    for index, (wanted, entry) in enumerate(zip(expected, entries, strict=True)):
        yield from _differences(wanted, entry, _entry(before, index), f"{path}[{index}]")


def _matches(matcher: str, wanted: object, actual: object, before: object) -> bool:
    match matcher:
        case "$absent":
            return actual is ABSENT or not actual
        case "$any":
            return actual is not ABSENT and actual is not None
        case "$intBetween":
            first, last = cast("list[int]", wanted)
            return isinstance(actual, int) and first <= actual <= last
        case "$ipBetween":
            return isinstance(actual, str) and _is_between(actual, cast("list[str]", wanted))
        case "$regex":
            return isinstance(actual, str) and re.search(str(wanted), actual) is not None
        case "$sameAsBefore":
            return actual is not ABSENT and actual == before
        case _:
            raise AssertionError(f"unknown matcher {matcher}")


def _is_between(text: str, bounds: list[str]) -> bool:
    address, first, last = (ip_address(each) for each in (text, *bounds))
    return address.version == first.version and int(first) <= int(address) <= int(last)


def _member(value: object, field: str) -> object:
    if not isinstance(value, dict):
        return ABSENT
    return cast("dict[str, object]", value).get(field, ABSENT)


def _entry(value: object, index: int) -> object:
    if not isinstance(value, list):
        return ABSENT
    entries = cast("list[object]", value)
    return entries[index] if index < len(entries) else ABSENT


def _shown(value: object) -> str:
    return "nothing" if value is ABSENT else repr(value)
