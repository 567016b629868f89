"""Traces, if an operator wants them: spans of requests, decisions, commits and applied rules.

    name, the trace that it is part of -> a span for the length of a block

Without a destination nothing of OpenTelemetry is imported, and a span is an empty block.  What is
begun within a span is a part of it; a decision, which another task runs, names its request's.

Source: OpenTelemetry, "Tracing API" and "Environment variables"; W3C Trace Context.
"""
# ruff: noqa: PLC0415  OpenTelemetry is an extra: imported once there is a destination

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span as RecordedSpan
    from opentelemetry.trace import Tracer

EXTRA: Final = "waypost[otel]"
_TRACEPARENT: Final = "traceparent"
Value = str | int | float | bool


class Span(Protocol):
    """A span that is under way."""

    @property
    def traceparent(self) -> str:
        """What names it to others; empty if it is not recorded."""
        ...

    def note(self, **attributes: Value) -> None:
        """Add attributes; underscores in names stand for dots."""
        ...


class _NoSpan:
    traceparent = ""

    def note(self, **attributes: Value) -> None:
        """Drop them."""


class NotInstalled(ValueError):
    """The packages that traces need are not there."""


Begin = Callable[[str, str], AbstractContextManager[Span]]
_NOTHING: Final = nullcontext[Span](_NoSpan())
_begin: list[Begin] = []  # empty, or what begins the spans of this process


def span(name: str, *, parent: str = "") -> AbstractContextManager[Span]:
    """Record the block; ``parent`` is a traceparent, and without one the span around is it."""
    return _begin[0](name, parent) if _begin else _NOTHING


def is_tracing() -> bool:
    """Whether spans are recorded."""
    return bool(_begin)


@contextmanager
def tracing(endpoint: str, service: str) -> Generator[None]:
    """Send spans to ``endpoint``, by OTLP over HTTP, until the block ends; nothing if it is empty.

    Raises NotInstalled.
    """
    if not endpoint:
        yield
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise NotInstalled(f"WAYPOST_TRACES_ENDPOINT needs packages: install {EXTRA}") from error
    with exporting(OTLPSpanExporter(endpoint=endpoint), service, BatchSpanProcessor):
        yield


@contextmanager
def exporting(
    exporter: "SpanExporter", service: str, processor: Callable[..., object]
) -> Generator[None]:
    """Export the spans of the block; the sampler is that of ``OTEL_TRACES_SAMPLER``."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(processor(exporter))  # pyright: ignore[reportArgumentType]  a SpanProcessor, whose module is an extra
    _begin.append(_beginner(provider.get_tracer("waypost")))
    try:
        yield
    finally:
        _begin.clear()
        provider.shutdown()


def _beginner(tracer: "Tracer") -> Begin:
    from opentelemetry.trace import set_span_in_context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    form = TraceContextTextMapPropagator()

    class Recorded:
        def __init__(self, recorded: "RecordedSpan") -> None:
            self._recorded = recorded

        @property
        def traceparent(self) -> str:
            carrier: dict[str, str] = {}
            form.inject(carrier, context=set_span_in_context(self._recorded))
            return carrier.get(_TRACEPARENT, "")

        def note(self, **attributes: Value) -> None:
            for name, value in attributes.items():
                self._recorded.set_attribute(name.replace("_", "."), value)

    @contextmanager
    def begin(name: str, parent: str) -> Generator[Span]:
        context = form.extract({_TRACEPARENT: parent}) if parent else None
        with tracer.start_as_current_span(name, context=context) as current:
            yield Recorded(current)

    return begin
