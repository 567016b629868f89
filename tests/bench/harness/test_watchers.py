from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bench.harness.watchers import STREAMS, Events, TimedEvents

HEADS = {
    "waypost": b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n1\r\n\n\r\n",
    "etcd": b'HTTP/1.1 200 OK\r\n\r\n{"result":{"header":{"revision":"1"},"created":true}}\n',
}
ONE_EVENT = {
    "waypost": '40\r\nid: {0}\nevent: ADDED\ndata: {{"kind":"Service"}}\n\n\r\n',
    "etcd": '{{"result":{{"events":[{{"kv":{{"key":"a","mod_revision":"{0}"}}}}]}}}}\n',
}


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
