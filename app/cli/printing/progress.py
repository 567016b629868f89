"""How long something takes that a person waits for: a line on the terminal, which goes again.

block -> "3000 objects are applied … 4 s" on stderr, only if that is a terminal

Its end is open: the server does not say how far it is, so the line shows the time instead.
"""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from threading import Event, Thread
from time import monotonic
from typing import Final, TextIO

from app.cli.output import visible

QUIET_S: Final = 1.0  # what takes no longer needs no words
PERIOD_S: Final = 1.0
_CLEARED: Final = "\r\x1b[2K"


@contextmanager
def waiting(
    what: str, *, stream: TextIO | None = None, quiet_s: float = QUIET_S, period_s: float = PERIOD_S
) -> Generator[None]:
    """Show on a terminal, while the block runs, what is waited for, and how long already."""
    shown = sys.stderr if stream is None else stream
    if not shown.isatty():
        yield
        return
    has_ended = Event()
    writer = Thread(
        target=_show, args=(visible(what), shown, has_ended, quiet_s, period_s), daemon=True
    )
    writer.start()
    try:
        yield
    finally:
        has_ended.set()
        writer.join()


def _show(what: str, stream: TextIO, has_ended: Event, quiet_s: float, period_s: float) -> None:
    begin_s, pause_s = monotonic(), quiet_s
    was_shown = False
    while not has_ended.wait(pause_s):
        stream.write(f"{_CLEARED}{what} … {monotonic() - begin_s:.0f} s")
        stream.flush()
        was_shown, pause_s = True, period_s
    if was_shown:
        stream.write(_CLEARED)
        stream.flush()
