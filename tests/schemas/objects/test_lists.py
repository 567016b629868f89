"""A page of a collection, but for its items."""

import json

from app.domain.names import Revision
from app.domain.objects import kinds
from app.schemas.objects.codec import encode_object
from app.schemas.objects.lists import EndpointSliceList, ServiceList, encode_list_head
from tests.builders import a_meta, a_service


def test_a_page_holds_its_items_and_how_to_go_on() -> None:
    services = [
        encode_object(a_service(metadata=a_meta(name, revision=7))) for name in ("ent", "web")
    ]
    following = "later"

    head = encode_list_head(kinds.SERVICE, Revision(42), continue_token=following, remaining=3)

    page = json.loads(head)
    assert page["metadata"] == {
        "resourceVersion": "42",
        "continue": "later",
        "remainingItemCount": 3,
    }
    read = ServiceList.model_validate_json(json.dumps({**page, "items": services}))
    assert [service.metadata.name for service in read.items] == ["ent", "web"]
    assert read.metadata.continue_ == "later"


def test_the_last_page_says_nothing_of_others() -> None:
    page = json.loads(encode_list_head(kinds.ENDPOINT_SLICE, Revision(1)))

    assert page == {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSliceList",
        "metadata": {"resourceVersion": "1"},
    }
    assert EndpointSliceList.model_validate({**page, "items": []}).items == []
