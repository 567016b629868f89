"""A clock that tests advance."""

from dataclasses import dataclass, field


@dataclass
class FakeClock:
    """A clock that advances by sleeps, and by the test."""

    time_s: float = 1000.0
    slept_s: list[float] = field(default_factory=list[float])

    def now_s(self) -> float:
        return self.time_s

    async def sleep(self, duration_s: float) -> None:
        self.slept_s.append(duration_s)
        self.time_s += duration_s
