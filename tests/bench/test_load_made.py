"""What is sent and what is counted: a benchmark that gets these wrong measures something else."""

import asyncio
import json
from collections import Counter
from itertools import pairwise

import dns.message
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.catalogue import MEASURES, named
from bench.harness.load import request
from bench.harness.names import SRV, A, question
from bench.harness.watchers import STREAMS, Events, TimedEvents
from bench.harness.wire import NODES, OBJECTS_MAX, Size, bodies
from bench.harness.writer import WAYPOST_REVISION, write_paced
from bench.measures.writes import pods_of_round

HEADS = {
    "waypost": b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n1\r\n\n\r\n",
    "etcd": b'HTTP/1.1 200 OK\r\n\r\n{"result":{"header":{"revision":"1"},"created":true}}\n',
}
ONE_EVENT = {
    "waypost": '40\r\nid: {0}\nevent: ADDED\ndata: {{"kind":"Service"}}\n\n\r\n',
    "etcd": '{{"result":{{"events":[{{"kv":{{"key":"a","mod_revision":"{0}"}}}}]}}}}\n',
}


def test_names_choose_benchmarks_by_how_they_begin() -> None:
    assert named([]) == list(MEASURES)
    assert named(["writes", "ap"]) == ["apply", "writes"]
    assert named(["nothing"]) == []


@pytest.mark.parametrize("qtype", [A, SRV])
def test_a_question_is_what_a_dns_library_reads(qtype: int) -> None:
    message = dns.message.from_wire(question("service-1.team-1.svc.cluster.local", qtype))
    (asked,) = message.question
    assert asked.name.to_text() == "service-1.team-1.svc.cluster.local."
    assert asked.rdtype == dns.rdatatype.RdataType(qtype)


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


@given(st.integers(2, 40), st.integers(1, 12), st.integers(1, 5))
def test_no_pod_is_patched_twice_in_a_run(services: int, pods_each: int, rounds: int) -> None:
    size = Size(services, pods_each)
    every = [list(pods_of_round(size, number, rounds)) for number in range(rounds)]
    pods = [pod for numbers in every for pod in numbers]
    half = services // 2 * pods_each
    assert sorted(pods) == list(range(half, size.pods))
    if services // 2 + 1 < services:
        for numbers in every:
            assert all(a // pods_each != b // pods_each for a, b in pairwise(numbers))


@given(
    st.sampled_from(sorted(STREAMS)),
    st.lists(st.integers(1, 10**9), unique=True, max_size=8),
    st.data(),
)
def test_events_are_counted_wherever_a_stream_is_cut(
    server: str, revisions: list[int], data: st.DataObject
) -> None:
    text = HEADS[server] + "".join(map(ONE_EVENT[server].format, revisions)).encode()
    inner = st.integers(len(HEADS[server]), len(text))
    cuts = sorted({0, len(HEADS[server]), len(text), *data.draw(st.lists(inner, max_size=20))})
    stream = STREAMS[server](0)
    events, timed = Events(stream), TimedEvents(stream)
    for first, last in pairwise(cuts):
        events.take(text[first:last])
        timed.take(text[first:last])
    assert events.is_current
    assert events.count == timed.count == len(revisions)
    assert sorted(timed.arrivals) == sorted(revisions)


@pytest.mark.enable_socket
async def test_each_write_is_sent_once_and_its_revision_is_read() -> None:
    asked: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            asked.append(json.loads(await reader.readexactly(length))["name"])
            body = b'{"metadata":{"resourceVersion":"%d"}}' % len(asked)
            writer.write(
                b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
            )

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    names = [f"new-{number}" for number in range(40)]
    async with server:
        written = await write_paced(
            server.sockets[0].getsockname()[1],
            [request("POST", "/services", {"name": name}) for name in names],
            a_second=10_000,
            revision_of=WAYPOST_REVISION,
        )
    assert sorted(asked) == sorted(names)
    assert [each.place for each in written] == list(range(40))
    assert {each.revision: names[each.place] for each in written} == dict(enumerate(asked, 1))
    assert all(each.sent_s <= each.answered_s for each in written)
