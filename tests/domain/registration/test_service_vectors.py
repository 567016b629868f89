"""The vectors of registration against the core: existing objects are admitted, then the request.

What only a server can answer (media types, resource versions, patches that do
not apply) is named below and run over HTTP.
"""

import copy
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import pytest

from app.domain.addresses import parse_address
from app.domain.errors import DomainError
from app.domain.names import NamespacedName
from app.domain.objects.service import Service
from app.schemas.objects.codec import decode_object, encode_object
from tests.domain.registration.core import Core, a_pool_of
from tests.vector_matching import NEEDS_ADMISSION, differences, load_vectors

Wire = dict[str, Any]

NEEDS_A_SERVER: Mapping[str, str] = {
    "put-resourceversion-stale": "revisions are compared where they are assigned",
    "noop-update-keeps-resourceversion": "revisions are assigned by the use case",
    "namespace-missing": "namespaces are looked up by the use case",
    "json-patch-failed-test-op": "patches are applied by the API",
    "patch-unsupported-media-type": "media types belong to the API",
    "apply-without-fieldmanager": "server-side apply belongs to the API",
}

vectors = [
    vector
    for vector in load_vectors("service.json")
    if vector["name"] not in {*NEEDS_ADMISSION, *NEEDS_A_SERVER}
]


@pytest.mark.parametrize("vector", vectors, ids=[vector["name"] for vector in vectors])
def test_a_request_is_answered_as_the_vector_says(vector: Wire) -> None:
    core = a_core(vector["config"])
    for document in vector["existing"]:
        store(core, document)
    expect = vector["expect"]

    before = {key: encode_object(service) for key, service in core.services.items()}
    outcome = answer_or_refusal(core, vector["request"])

    if isinstance(outcome, Service):
        assert expect["accepted"], f"accepted: {outcome}"
        stored = before.get(outcome.metadata.key, {})
        assert not differences(expect["result"], encode_object(outcome), before=stored)
    else:
        assert not expect["accepted"], f"refused: {outcome}"
        assert causes_of(outcome) == Counter(
            (error["field"], error["reason"]) for error in expect["errors"]
        )
    assert_pools(core, expect.get("after", {}))


def test_every_vector_left_out_is_there() -> None:
    names = {vector["name"] for vector in load_vectors("service.json")}
    assert names >= {*NEEDS_ADMISSION, *NEEDS_A_SERVER}


def a_core(config: Wire) -> Core:
    """A registry without Services, configured as a vector says."""
    cidrs = [*config["serviceCIDRs"]]
    for extra in config.get("extraServiceCIDRs", ()):
        cidrs += extra["cidrs"]
    first, last = config.get("nodePortRange", "30000-32767").split("-")
    node_ports = range(int(first), int(last) + 1)
    return Core(pools=a_pool_of(*cidrs, node_ports=node_ports))


def store(core: Core, document: Wire) -> None:
    """Register an existing Service; zeros that an older Kubernetes let lead are kept."""
    spelt = document["spec"].get("clusterIP", "")
    canonical = re.sub(r"\b0+(?=\d+\b)", "", spelt) if "." in spelt else spelt
    if canonical == spelt:
        core.create(decode_service(document))
        return
    spec = {**document["spec"], "clusterIP": canonical}
    created = core.create(decode_service({**document, "spec": spec}))
    core.services[created.metadata.key] = replace(
        created, cluster_ip=spelt, cluster_ips=(spelt, *created.cluster_ips[1:])
    )


def answer_or_refusal(core: Core, request: Wire) -> Service | DomainError:
    """Carry out the request, or say why it is refused."""
    try:
        return answer(core, request)
    except DomainError as refusal:
        return refusal


def answer(core: Core, request: Wire) -> Service:
    """Carry out the request."""
    document = copy.deepcopy(request["object"])
    if request["method"] == "POST":
        return core.create(decode_service(document))
    name = request.get("target") or document["metadata"]["name"]
    key = NamespacedName("default", name)
    match request["method"]:
        case "PUT" if request.get("path", "").endswith("/status"):
            return core.report(key, decode_service(document))
        case "PUT":
            return (
                core.update(key, decode_service(document))
                if key in core.services
                else core.create(decode_service(document))
            )
        case "PATCH":
            stored = encode_object(core.services[key])
            is_strategic = request["contentType"] == "application/strategic-merge-patch+json"
            return core.update(key, decode_service(patched(stored, document, by_port=is_strategic)))
        case "DELETE":
            return core.delete(key)
        case method:
            raise AssertionError(method)


def patched(stored: object, patch: object, *, by_port: bool) -> Any:  # noqa: ANN401  JSON
    """Apply a merge patch (RFC 7386); ``by_port`` merges lists of ports as kubectl does."""
    if not isinstance(patch, dict):
        return patch
    result = dict(cast("Wire", stored)) if isinstance(stored, dict) else {}
    for field, value in cast("Wire", patch).items():
        if value is None:
            result.pop(field, None)
        elif by_port and field == "ports":
            result[field] = ports_patched(result.get(field, []), value)
        else:
            result[field] = patched(result.get(field), value, by_port=by_port)
    return result


def ports_patched(stored: list[Wire], patches: list[Wire]) -> list[Wire]:
    """Merge ports that have the same number."""
    numbers = {port["port"] for port in stored}
    by_number = {patch["port"]: patch for patch in patches}
    merged = [{**port, **by_number.get(port["port"], {})} for port in stored]
    return merged + [patch for patch in patches if patch["port"] not in numbers]


def causes_of(refusal: DomainError) -> Counter[tuple[str, str]]:
    """The causes as vectors write them: the reason alone if there are none."""
    if not refusal.causes:
        return Counter([("", refusal.reason)])
    return Counter((cause.field, str(cause.reason)) for cause in refusal.causes)


def decode_service(document: Wire) -> Service:
    """Read a manifest."""
    service = decode_object(document, "Service").object
    assert isinstance(service, Service)
    return service


def assert_pools(core: Core, after: Wire) -> None:
    for text in after.get("free", ()):
        address = parse_address(text)
        assert address is not None
        assert not core.pools.holds(address), f"{text} is held"
    for number in after.get("freeNodePorts", ()):
        assert number not in core.pools.held_ports, f"{number} is held"
