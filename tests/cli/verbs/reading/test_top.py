"""Top shows what has changed between two looks at the metrics."""

from tests.cli.fake_server import FakeServer, run

FIRST = 'waypost_http_requests_total{code="200"} 10\n'
SECOND = """\
waypost_http_requests_total{code="200"} 10
waypost_watchers 3
waypost_revision 42
waypost_view_lag_seconds 0.5
process_resident_memory_bytes 104857600
waypost_objects{kind="Service"} 7
waypost_objects{kind="Pod"} 0
waypost_node_revision{node="n1"} 40
"""


def test_values_and_the_rules_of_nodes_are_shown() -> None:
    server = FakeServer({("GET", "/metrics"): [FIRST, SECOND]})
    ended = run("top", "--interval=1ms", server=server)
    lines = [" ".join(line.split()) for line in ended.out.splitlines()]
    assert ended.code == 0
    for expected in (
        "requests 0.0 /s", "watchers 3", "revision 42", "since the last look at it 0.5 s",
        "memory 100 MiB", "objects, Service 7", "n1 40 2 -",
    ):  # fmt: skip
        assert expected in lines
    assert "objects, Pod 0" not in lines


def test_an_interval_has_a_length() -> None:
    assert run("top", "--interval=0").code == 2


def test_the_rules_of_nodes_may_be_shown_alone() -> None:
    server = FakeServer({("GET", "/metrics"): [FIRST, SECOND]})
    assert run("top", "no", "--interval=1ms", server=server).out.split()[-4:] == [
        "n1", "40", "2", "-",
    ]  # fmt: skip
    assert run("top", "pods").code == 2
