import json
from collections import Counter

import pytest

from bench.harness.wire import NODES, OBJECTS_MAX, Size, bodies


@pytest.mark.parametrize("size", [Size(0), Size(3, 2), Size(1_100, 10)])
def test_bodies_hold_every_object_once_and_no_more_than_a_server_takes(size: Size) -> None:
    lists = [json.loads(body)["items"] for body in bodies(size)]
    assert all(len(items) <= OBJECTS_MAX for items in lists)
    names = [
        (each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"])
        for items in lists
        for each in items
    ]
    assert len(set(names)) == len(names)
    expected = {"Node": NODES, "Service": size.services, "Pod": size.pods}
    assert Counter(kind for kind, _, _ in names) == Counter(expected)
