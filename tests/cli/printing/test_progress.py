"""A wait is shown on a terminal only, and leaves nothing there."""

from io import StringIO
from threading import Event

from app.cli.printing.progress import waiting
from tests.waiting import WITHIN_S


class Terminal(StringIO):
    """A terminal, which says when something is written."""

    def __init__(self) -> None:
        super().__init__()
        self.is_written = Event()

    def write(self, s: str) -> int:
        written = super().write(s)
        self.is_written.set()
        return written

    def isatty(self) -> bool:
        return True


def test_a_stream_that_is_no_terminal_stays_empty() -> None:
    stream = StringIO()
    with waiting("objects", stream=stream, quiet_s=0, period_s=0.001):
        pass
    assert stream.getvalue() == ""


def test_a_terminal_shows_what_is_waited_for_and_is_cleared_at_the_end() -> None:
    stream = Terminal()
    with waiting("3 objects\x1b are applied", stream=stream, quiet_s=0, period_s=0.001):
        assert stream.is_written.wait(WITHIN_S)
    assert "3 objects\\x1b are applied … 0 s" in stream.getvalue()
    assert stream.getvalue().endswith("\r\x1b[2K")


def test_what_is_over_at_once_is_not_shown() -> None:
    stream = Terminal()
    with waiting("objects", stream=stream, quiet_s=60):
        pass
    assert stream.getvalue() == ""


def test_a_block_that_knows_how_far_it_is_tells() -> None:
    stream = Terminal()
    with waiting("it begins", stream=stream, quiet_s=0.001, period_s=0.001) as tell:
        tell("3 of 9 rows are written")
        assert stream.is_written.wait(WITHIN_S)
    assert "3 of 9 rows are written … 0 s" in stream.getvalue()
