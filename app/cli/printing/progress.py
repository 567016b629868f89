"""How long something takes that a person waits for: a line on the terminal, which goes again.

block -> "3000 objects are applied … 4 s" on stderr, only if that is a terminal
block, what it tells -> "12000 of 110000 rows are written … 2 s"

A server does not say how far it is, so that the line shows the time; a block that knows tells it.
"""

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from threading import Event, Thread
from time import monotonic
from typing import Final, TextIO

from app.cli.output import visible

Tell = Callable[[str], None]

QUIET_S: Final = 1.0  # what takes no longer needs no words
PERIOD_S: Final = 1.0
_CLEARED: Final = "\r\x1b[2K"


@contextmanager
def waiting(
    what: str, *, stream: TextIO | None = None, quiet_s: float = QUIET_S, period_s: float = PERIOD_S
) -> Generator[Tell]:
    """Show on a terminal, while the block runs, what is waited for, and how long already.

    Gives a function by which the block may change the words.
    """
    shown = sys.stderr if stream is None else stream
    words = [visible(what)]

    def tell(what: str) -> None:
        words[0] = visible(what)

    if not shown.isatty():
        yield tell
        return
    has_ended = Event()
    writer = Thread(target=_show, args=(words, shown, has_ended, quiet_s, period_s), daemon=True)
    writer.start()
    try:
        yield tell
    finally:
        has_ended.set()
        writer.join()


def _show(
    words: list[str], stream: TextIO, has_ended: Event, quiet_s: float, period_s: float
) -> None:
    begin_s, pause_s = monotonic(), quiet_s
    was_shown = False
    while not has_ended.wait(pause_s):
        stream.write(f"{_CLEARED}{words[0]} … {monotonic() - begin_s:.0f} s")
        stream.flush()
        was_shown, pause_s = True, period_s
    if was_shown:
        stream.write(_CLEARED)
        stream.flush()
