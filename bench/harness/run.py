"""One run of benchmarks: its sizes, and what has been noted in it.

Run -> a benchmark's ``measure`` -> Figure and value of each round, remarks
"""

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from time import monotonic

from bench.harness import etcd
from bench.harness.etcd import Etcd
from bench.harness.figures import Figure, Taken
from bench.harness.load import Load
from bench.harness.machine import program
from bench.harness.registries import Registries
from bench.harness.report import line_of
from bench.harness.wire import Size


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How large a run is."""

    size: Size
    rounds: int
    seconds: float
    """Of load in a round, for each figure."""
    is_large: bool
    """Whether growth is followed to ten times the size."""


@dataclass(slots=True)
class Run:
    """What benchmarks share, and what they have found."""

    options: Options
    folder: Path
    registries: Registries
    remarks: list[str] = field(default_factory=list[str])
    _taken: dict[Figure, Taken] = field(default_factory=dict[Figure, Taken])
    _folders: "count[int]" = field(default_factory=count)
    _begun_s: float = field(default_factory=monotonic)

    @property
    def size(self) -> Size:
        """How much there is."""
        return self.options.size

    @property
    def seconds(self) -> float:
        """How long a load lasts."""
        return self.options.seconds

    def rounds(self) -> Iterator[int]:
        """Give the number of each round, and say that it begins."""
        for number in range(self.options.rounds):
            self.say(f"round {number + 1}")
            yield number

    def note(self, figure: Figure, value: float) -> None:
        """Note what a round gave."""
        self._of(figure).values.append(value)
        self.say(line_of(figure, value))

    def note_peer(self, figure: Figure, value: float) -> None:
        """Note what the peer gave in the same round."""
        self._of(figure).peer_values.append(value)
        self.say(f"{line_of(figure, value)} ({figure.peer})")

    def remark(self, words: str) -> None:
        """Say something that a reader of the table has to know."""
        if words not in self.remarks:
            self.remarks.append(words)
            self.say(words)

    def say(self, words: str) -> None:
        """Print a line of progress."""
        print(f"  {monotonic() - self._begun_s:6.1f} s  {words}", flush=True)

    def take(self) -> list[Taken]:
        """Hand over what has been noted since the last time."""
        every = list(self._taken.values())
        self._taken.clear()
        return every

    def has(self, *programs: str) -> bool:
        """Tell whether programs are installed; remarks those that are not."""
        missing = [name for name in programs if program(name) is None]
        if missing:
            self.remark(f"not installed, so not measured: {', '.join(missing)}")
        return not missing

    @asynccontextmanager
    async def etcd(self) -> AsyncGenerator[Etcd | None]:
        """Run the peer, empty, until the block ends; None, and a remark, when it is missing."""
        if etcd.find() is None:
            self.remark(etcd.MISSING)
            yield None
        else:
            async with etcd.running(self.new_folder("etcd")) as peer:
                yield peer

    def new_folder(self, called: str) -> Path:
        """Make a folder that is deleted with the run."""
        path = self.folder / f"{called}-{next(self._folders)}"
        path.mkdir()
        return path

    def judge(self, load: Load, what: str) -> Load:
        """Remark what makes a load doubtful."""
        if load.is_full:
            self.remark(f"{what}: wrk used up its core; the server may answer more")
        if load.lost:
            self.remark(f"{what}: {load.lost} requests got no answer")
        return load

    def _of(self, figure: Figure) -> Taken:
        return self._taken.setdefault(figure, Taken(figure))
