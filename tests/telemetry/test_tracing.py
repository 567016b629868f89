"""Spans belong together, and there is nothing of them where nobody wants any."""

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from app.telemetry.tracing import NotInstalled, exporting, is_tracing, span, tracing

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"


@contextmanager
def recording() -> Generator["InMemorySpanExporter"]:
    """Record spans in memory; skips where the extra is not installed."""
    export = pytest.importorskip("opentelemetry.sdk.trace.export", reason="needs waypost[otel]")
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import (  # noqa: PLC0415  an extra
        InMemorySpanExporter,
    )

    exporter = InMemorySpanExporter()
    with exporting(exporter, "tests", export.SimpleSpanProcessor):
        yield exporter


def named(exporter: "InMemorySpanExporter", name: str) -> "ReadableSpan":
    (found,) = [each for each in exporter.get_finished_spans() if each.name == name]
    return found


def test_without_a_destination_a_span_is_an_empty_block() -> None:
    with tracing("", "tests"), span("a", parent=TRACEPARENT) as current:
        assert not is_tracing()
        current.note(anything="goes")
        assert current.traceparent == ""


def test_without_a_destination_nothing_of_the_extra_is_imported() -> None:
    program = "import sys, app.main, app.agent.loop; print('opentelemetry.sdk' in sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == ["False"]


def test_a_destination_without_the_packages_is_refused_with_their_name() -> None:
    program = (
        "import sys; sys.modules['opentelemetry.sdk'] = None\n"
        "from app.telemetry.tracing import NotInstalled, tracing\n"
        "try:\n    tracing('http://127.0.0.1:1/v1/traces', 'a').__enter__()\n"
        "except NotInstalled as error:\n    print(error)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ran.stdout == "WAYPOST_TRACES_ENDPOINT needs packages: install waypost[otel]\n"
    assert issubclass(NotInstalled, ValueError)  # what a command prints in one line


def test_a_span_is_part_of_what_its_parent_names_and_of_the_span_around_it() -> None:
    with recording() as exporter:
        with span("outer", parent=TRACEPARENT) as outer:
            assert outer.traceparent.startswith(f"00-{TRACE}-")
            outer.note(http_route="/a")
            with span("inner"):
                pass
        first, second = named(exporter, "outer"), named(exporter, "inner")
    assert first.parent is not None
    assert format(first.parent.span_id, "016x") == PARENT
    assert first.attributes == {"http.route": "/a"}
    assert second.parent is not None
    assert first.context is not None
    assert second.parent.span_id == first.context.span_id
    assert not is_tracing()


def test_a_block_that_fails_is_a_span_with_an_error() -> None:
    with recording() as exporter:
        with pytest.raises(KeyError), span("a"):
            raise KeyError
        assert not named(exporter, "a").status.is_ok
