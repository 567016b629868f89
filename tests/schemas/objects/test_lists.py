"""The head of a page of a collection."""

import json

from app.domain.names import Revision
from app.domain.objects.endpoint_slice import ENDPOINT_SLICE
from app.domain.objects.service import SERVICE
from app.schemas.objects.codec import encode_object
from app.schemas.objects.lists import encode_list_head, list_model
from app.schemas.objects.wires import wire_of
from tests.builders import a_meta, a_service


def test_a_page_has_its_items_and_a_continue_token() -> None:
    services = [
        encode_object(a_service(metadata=a_meta(name, revision=7))) for name in ("ent", "web")
    ]
    following = "later"

    head = encode_list_head(SERVICE, Revision(42), continue_token=following, remaining=3)

    page = json.loads(head)
    assert page["metadata"] == {
        "resourceVersion": "42",
        "continue": "later",
        "remainingItemCount": 3,
    }
    whole = json.dumps({**page, "items": services})
    read = list_model(wire_of(SERVICE)).model_validate_json(whole)
    assert read.model_dump(include={"metadata"}, by_alias=True) == {"metadata": page["metadata"]}


def test_the_last_page_has_no_continue_token() -> None:
    page = json.loads(encode_list_head(ENDPOINT_SLICE, Revision(1)))

    assert page == {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSliceList",
        "metadata": {"resourceVersion": "1"},
    }
    list_model(wire_of(ENDPOINT_SLICE)).model_validate({**page, "items": []})
