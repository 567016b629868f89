"""A page of a collection, made from bytes that are there already."""

import json

from app.domain.names import Revision
from app.domain.objects import kinds
from app.schemas.codec import encode_bytes
from app.schemas.lists import EndpointSliceList, ServiceList, encode_list
from tests.builders import a_meta, a_service


def test_a_page_holds_its_items_and_how_to_go_on() -> None:
    services = [
        encode_bytes(a_service(metadata=a_meta(name, revision=7))) for name in ("ent", "web")
    ]

    following = "later"
    page = encode_list(kinds.SERVICE, services, Revision(42), continue_token=following, remaining=3)

    assert json.loads(page)["metadata"] == {
        "resourceVersion": "42",
        "continue": "later",
        "remainingItemCount": 3,
    }
    read = ServiceList.model_validate_json(page)
    assert [service.metadata.name for service in read.items] == ["ent", "web"]
    assert read.metadata.continue_ == "later"


def test_an_empty_collection_is_an_empty_list() -> None:
    page = encode_list(kinds.ENDPOINT_SLICE, [], Revision(1))

    assert json.loads(page) == {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSliceList",
        "metadata": {"resourceVersion": "1"},
        "items": [],
    }
    assert EndpointSliceList.model_validate_json(page).items == []
