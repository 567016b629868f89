"""What every process shows of itself, in the form that is accepted."""

import pytest
from prometheus_client import Counter
from prometheus_client.parser import text_string_to_metric_families as read_text

from app.telemetry.process import OPENMETRICS, exposition, make_metrics

PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;"
    "q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


@pytest.mark.parametrize("accept", [PROMETHEUS, OPENMETRICS])
def test_a_scraper_that_accepts_openmetrics_gets_it(accept: str) -> None:
    text, media_type = exposition(make_metrics(), accept)
    assert media_type.startswith(f"{OPENMETRICS}; version=1.0.0; charset=utf-8")
    assert text.endswith(b"# EOF\n")
    assert b"# TYPE waypost_build_info gauge\nwaypost_build_info{" in text


@pytest.mark.parametrize("accept", ["", "*/*", "text/plain", "text/html, application/json"])
def test_others_get_the_text_of_prometheus(accept: str) -> None:
    text, media_type = exposition(make_metrics(), accept)
    assert media_type.startswith("text/plain; version=0.0.4")
    names = {family.name for family in read_text(text.decode())}
    assert {"waypost_build_info", "process_start_time_seconds"} <= names


def test_no_counter_says_when_it_began() -> None:
    metrics = make_metrics()
    Counter("seen", "Seen.", registry=metrics).inc()
    assert b"_created" not in exposition(metrics, "")[0] + exposition(metrics, OPENMETRICS)[0]
