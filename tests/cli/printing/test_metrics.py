"""Metrics are read as they are printed, and grow between two looks."""

import pytest

from app.cli.printing.metrics import rate, samples_of, total

BEFORE = """\
# HELP x_total Of a test.
# TYPE x_total counter
x_total{code="200",path="/a \\"b\\" {c}"} 5
x_total{code="503",path="/"} 1.0
lonely 2.5e+02 1700000000
not a line
broken{a="b"} many
"""
AFTER = 'x_total{code="200"} 11\nx_total{code="503"} 2\nlonely 1\n'


def test_samples_have_labels_and_values() -> None:
    samples = samples_of(BEFORE)
    assert [(each.name, each.value) for each in samples] == [
        ("x_total", 5), ("x_total", 1), ("lonely", 250),
    ]  # fmt: skip
    assert samples[0].labels == {"code": "200", "path": '/a "b" {c}'}


def test_values_add_up_over_labels() -> None:
    assert total(samples_of(BEFORE), "x_total") == 6
    assert total(samples_of(BEFORE), "x_total", code="5") == 1
    assert total([], "x_total") == 0


def test_a_rate_is_the_growth_per_second_and_never_negative() -> None:
    before, after = samples_of(BEFORE), samples_of(AFTER)
    assert rate(before, after, 2, "x_total") == pytest.approx(3.5)
    assert rate(before, after, 2, "x_total", code="5") == pytest.approx(0.5)
    assert rate(before, after, 2, "lonely") == 0
    assert rate(before, after, 0, "x_total") == 0
