"""The server's side of the process that evaluates expressions: asked, timed, killed, started anew.

    environment, texts, variables -> frame -> process -> values | EvaluationError

One process, one question at a time; those who wait, wait no longer than a bound.  A process that
is late, dies or answers nonsense is killed, and the next question starts another.  Expressions
that kill it three times in a minute are suspended for a minute.

Source: spec access 3.4.
"""

import asyncio
import logging
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Final, Self, cast

from app.policy.expressions import Environment, EvaluationError, Verdict
from app.policy.frames import LENGTH_OCTETS, FrameError, decode_content, encode_frame, length_of
from app.policy.suspensions import Asked, Suspensions
from app.policy.worker import MEMORY_OCTETS_MAX

VARIABLES_OCTETS_MAX: Final = 1_048_576
_LIBRARY: Final = "cel_expr_python"
_ROOT: Final = Path(__file__).parents[2]
_PROGRAM: Final = (
    "import sys; sys.path.insert(0, sys.argv.pop()); from app.policy.worker import main; main()"
)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How long and how large."""

    evaluation_s: float = 0.25
    check_s: float = 2.0
    wait_s: float = 2.0  # for one's turn
    start_s: float = 10.0
    memory_octets: int = MEMORY_OCTETS_MAX


class _Killed(EvaluationError):
    """The process was killed because of what it was asked."""


class PolicyWorker:
    """Checks and evaluates expressions in a process of its own."""

    def __init__(
        self,
        bounds: Bounds | None = None,
        *,
        library: str = _LIBRARY,
        suspensions: Suspensions | None = None,
    ) -> None:
        """Start no process yet: many servers have no expressions."""
        self._bounds = bounds or Bounds()
        self.suspensions = suspensions or Suspensions()
        self._is_supported = find_spec(library) is not None
        self._turn = asyncio.Lock()
        self._process: Process | None = None
        self.kills = 0

    async def __aenter__(self) -> Self:
        """Give itself; a process starts with the first question."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the process."""
        await self._end()

    async def start(self) -> None:
        """Start the process ahead of the first question; raises EvaluationError if it cannot."""
        async with self._turn:
            await self._started()

    async def check(
        self, environment: Environment, expressions: Sequence[str]
    ) -> Sequence[Verdict]:
        """Check expressions, in order; raises EvaluationError if nothing can be checked now."""
        request = {"does": "check", "environment": environment, "expressions": [*expressions]}
        answers = await self._ask(request, self._bounds.check_s)
        return [
            Verdict(
                problem=str(answer.get("problem") or answer.get("error") or ""),
                type=str(answer.get("type", "")),
                selected=_pairs(answer.get("selected")),
            )
            for answer in answers
        ]

    async def evaluate(
        self,
        environment: Environment,
        expressions: Sequence[str],
        variables: Mapping[str, object],
    ) -> Sequence[object]:
        """Give the values, in order; raises EvaluationError if one of them has none."""
        asked = environment, tuple(expressions)
        request = {
            "does": "evaluate",
            "environment": environment,
            "expressions": [*expressions],
            "variables": variables,
        }
        answers = await self._ask(request, self._bounds.evaluation_s, asked)
        for expression, answer in zip(expressions, answers, strict=True):
            if "error" in answer:
                raise EvaluationError(
                    f"expression '{expression}' resulted in error: {answer['error']}"
                )
        return [answer.get("value") for answer in answers]

    async def _ask(
        self, request: Mapping[str, object], seconds: float, asked: Asked | None = None
    ) -> Sequence[Mapping[str, object]]:
        if not self._is_supported:
            raise EvaluationError(
                "expressions in CEL need the package cel-expr-python, which exists for Linux on "
                "x86_64 and aarch64 only"
            )
        frame = _frame_of(request)
        self._require_evaluated(asked)
        try:
            async with asyncio.timeout(self._bounds.wait_s):
                await self._turn.acquire()
        except TimeoutError as error:
            raise EvaluationError("too many expressions are being evaluated") from error
        try:
            self._require_evaluated(asked)  # those before may have been the same
            return await self._exchange(frame, seconds)
        except _Killed as killed:
            if asked is not None and self.suspensions.count_kill(asked, str(killed)):
                _log.warning("expressions are suspended for a minute: %.200s", "; ".join(asked[1]))
            raise
        finally:
            self._turn.release()

    def _require_evaluated(self, asked: Asked | None) -> None:
        """Raise the error of suspended expressions."""
        if asked is not None and (error := self.suspensions.error_of(asked)):
            raise EvaluationError(error)

    async def _exchange(self, frame: bytes, seconds: float) -> Sequence[Mapping[str, object]]:
        process = await self._started()
        is_answered = False
        try:
            async with asyncio.timeout(seconds):
                answer = await _exchanged(process, frame)
            is_answered = True
        except TimeoutError as error:
            raise _Killed(f"it took more than {seconds:g} s") from error
        except (OSError, asyncio.IncompleteReadError, FrameError) as error:
            raise _Killed("its evaluation ended, probably for lack of memory") from error
        finally:
            if not is_answered:  # also when cancelled: the next must not read this answer
                self.kills += 1
                _log.warning("the process that evaluates expressions is killed and started anew")
                await self._end()
        return answer

    async def _started(self) -> Process:
        """Give the running process, or start one."""
        if self._process is not None and self._process.returncode is None:
            return self._process
        process = self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-c", _PROGRAM, str(self._bounds.memory_octets), str(_ROOT)),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            env={},
            cwd="/",
            start_new_session=True,  # a signal to the server's terminal is not for it
        )
        try:
            async with asyncio.timeout(self._bounds.start_s):
                await _read(process)
        except (TimeoutError, OSError, asyncio.IncompleteReadError, FrameError) as error:
            await self._end()
            raise EvaluationError("the process that evaluates expressions cannot start") from error
        return process

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()
            await asyncio.shield(process.wait())


def _frame_of(request: Mapping[str, object]) -> bytes:
    try:
        frame = encode_frame(request)
    except (FrameError, ValueError, TypeError, RecursionError) as error:
        raise EvaluationError(f"its variables cannot be given: {error}") from error
    if len(frame) > VARIABLES_OCTETS_MAX:
        raise EvaluationError(f"its variables have more than {VARIABLES_OCTETS_MAX} octets")
    return frame


async def _exchanged(process: Process, frame: bytes) -> Sequence[Mapping[str, object]]:
    assert process.stdin is not None, "it has a pipe"
    process.stdin.write(frame)
    await process.stdin.drain()
    return await _read(process)


async def _read(process: Process) -> Sequence[Mapping[str, object]]:
    assert process.stdout is not None, "it has a pipe"
    length = length_of(await process.stdout.readexactly(LENGTH_OCTETS))
    content = decode_content(await process.stdout.readexactly(length))
    return cast("list[Mapping[str, object]]", content)


def _pairs(selected: object) -> frozenset[tuple[str, str]]:
    pairs = cast("list[tuple[str, str]]", selected or [])
    return frozenset((variable, name) for variable, name in pairs)
