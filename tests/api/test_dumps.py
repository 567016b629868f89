"""Every form of output of the server can be applied again, and changes nothing."""

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.objects.bodies import STRICT
from app.api.objects.manifests import read_manifest, warnings_of
from app.domain.names import NamespacedName, Uid
from app.domain.objects.resource import Object
from app.domain.resources import PUBLIC, RESOURCES, RESOURCES_BY_KIND, resource_of
from app.domain.work import Work
from app.registry.writes.apply import Item, Operation, Outcome, apply
from app.schemas.documents.read import MediaType, parse_documents
from app.schemas.documents.yaml_output import encode_yaml
from app.schemas.objects.codec import encode_object
from tests.registries import an_api
from tests.registry.worlds import World
from tests.schemas.wire_strategies import objects as odd_objects
from tests.strategies import objects

LINES = {"content-type": "application/x-ndjson"}

Wire = dict[str, Any]
Printed = tuple[bytes, MediaType]


def in_every_form(dumps: Sequence[Mapping[str, object]]) -> list[Printed]:
    """As single documents, as a list, as the lists of kinds, in either language."""
    as_list: Wire = {"apiVersion": "v1", "kind": "List", "items": dumps}
    of_kinds: list[Wire] = [
        {
            "apiVersion": kind.api_version,
            "kind": f"{kind.name}List",
            "metadata": {"resourceVersion": "9"},
            "items": [dump for dump in dumps if dump["kind"] == kind.name],
        }
        for kind in RESOURCES
    ]
    return [
        (b"".join(encode_yaml(dump) + b"---\n" for dump in dumps), MediaType.YAML),
        ("".join(json.dumps(dump, indent=2) for dump in dumps).encode(), MediaType.JSON),
        (json.dumps(as_list).encode(), MediaType.JSON),
        (encode_yaml(as_list), MediaType.YAML),
        ("\n".join(map(json.dumps, of_kinds)).encode(), MediaType.YAML),
    ]


def items_of(printed: Printed) -> list[Item]:
    found: list[Item] = []
    for position, document in enumerate(parse_documents(*printed)):
        kind = RESOURCES_BY_KIND[str(document.content["kind"])]
        metadata: Any = document.content["metadata"]
        key = NamespacedName(metadata.get("namespace", ""), metadata["name"])
        manifest = read_manifest(position, kind, key, document, STRICT)
        found.append(manifest.item())
        assert not list(warnings_of([manifest], []))
    return found


@given(odd_objects, st.integers(0, 4))
def test_a_dump_of_any_object_reads_back_equal(drawn: Object, form: int) -> None:
    named = replace(drawn.metadata, uid=Uid("u"), name="a", namespace="n")
    registered = replace(drawn, metadata=named)
    (item,) = items_of(in_every_form([encode_object(registered)])[form])
    assert item.amend(registered) is registered


@given(st.lists(objects, max_size=8), st.integers(0, 4))
def test_a_dump_of_everything_changes_nothing(drawn: list[Object], form: int) -> None:
    world = World()
    by_key = {(resource_of(each).name, each.metadata.key): each for each in drawn}

    def fill(work: Work) -> None:
        for each in by_key.values():
            work.put(replace(each, metadata=replace(each.metadata, uid=work.new_uid())))

    def again(work: Work) -> tuple[tuple[Outcome, ...], int]:
        outcomes = apply(work, items_of(in_every_form(dumps)[form]))
        return outcomes, len(work.changes())

    world.writer.write_now(fill)
    kept = [each for kind in RESOURCES for each in world.snapshot.of(kind).values()]
    dumps = [encode_object(each) for each in kept]
    outcomes, changes = world.writer.write_now(again)
    assert [outcome.operation for outcome in outcomes] == [Operation.UNCHANGED] * len(kept)
    assert changes == 0


MANIFESTS: list[Wire] = [
    {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "ent", "namespace": "shop"},
        "spec": {"type": "NodePort", "selector": {"app": "ent"}, "ports": [{"port": 80}]},
    },
    {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "ent-1", "namespace": "shop", "labels": {"app": "ent"}},
        "status": {"podIPs": [{"ip": "127.0.0.7"}]},
    },
    {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "ent-2", "namespace": "shop", "labels": {"app": "ent"}},
        "status": {"podIPs": [{"ip": "169.254.7.7"}]},
    },
    {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "n1"},
        "status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.1"}]},
    },
]


@pytest.fixture
async def api(database_url: str) -> AsyncGenerator[httpx.AsyncClient, None]:
    async with an_api(database_url, bootstrap=True) as client:
        yield client


async def everything(api: httpx.AsyncClient) -> list[Wire]:
    """The lists of all kinds that can be applied, as the server answers them."""
    return [(await api.get(f"/{kind.plural}")).json() for kind in PUBLIC]


async def test_all_lists_of_a_server_applied_to_it_change_nothing(api: httpx.AsyncClient) -> None:
    for manifest in MANIFESTS:
        await api.post(f"/{manifest['kind'].lower()}s", json=manifest)
    await api.delete("/pods/shop/ent-1")
    before = await everything(api)
    answer = await api.post("/apply", content="\n".join(map(json.dumps, before)), headers=LINES)
    operations = {result["operation"] for result in answer.json()["results"]}
    assert (operations, "warning" in answer.headers) == ({"unchanged"}, False)
    assert await everything(api) == before


async def test_a_dump_restores_deleted_objects(api: httpx.AsyncClient) -> None:
    for manifest in MANIFESTS:
        assert (await api.post("/apply", json=manifest)).is_success
    body = "\n".join(map(json.dumps, await everything(api)))
    for kind in ("pods", "services"):
        for item in (await api.get(f"/{kind}")).json()["items"]:
            path = f"/{kind}/{item['metadata']['namespace']}/{item['metadata']['name']}"
            await api.request("DELETE", path, json={"gracePeriodSeconds": 0})
    answer = await api.post("/apply", content=body, headers=LINES)
    assert answer.is_success, answer.text
    service = (await api.get("/services/shop/ent")).json()
    assert service["spec"]["ports"][0]["nodePort"] >= 30_000
    slices = (await api.get("/endpointslices?namespace=shop")).json()["items"]
    addresses = [each["addresses"] for slice_ in slices for each in slice_["endpoints"]]
    assert sorted(addresses) == [["127.0.0.7"], ["169.254.7.7"]]
