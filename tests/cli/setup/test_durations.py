"""Durations are those of Go."""

import click
import pytest

from app.cli.setup.durations import seconds_of


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("1m30s", 90), ("0", 0), ("-1s", -1), ("1.5h", 5400), ("100ms", 0.1), ("+2s", 2)],
)
def test_units_add_up(text: str, seconds: float) -> None:
    assert seconds_of(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "30", "s", "1d", "1s30", "--1s"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        seconds_of(text)
