"""The process that evaluates expressions: frames in, frames out, until its input ends.

    frame on standard input -> check | evaluate -> frame on standard output

Expressions may take any time and memory, and may crash the library.  So the process bounds its
own memory before it does anything, leaves no core dump, and is killed by the server when it is
late; it holds nothing that is lost then.

Source: spec access 3.4.
"""

import resource
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import BinaryIO, Final, cast

from app.policy.expressions import Environment, Verdict
from app.policy.frames import FrameError, encode_frame, read_frame

MEMORY_OCTETS_MAX: Final = 512 * 1024 * 1024  # of address space

Check = Callable[[Environment, str], Verdict]
Evaluate = Callable[
    [Environment, Sequence[str], Mapping[str, object]], Sequence[Mapping[str, object]]
]


def main() -> None:
    """Run until the input ends; the first argument is the bound of the address space."""
    bound(int(sys.argv[1]))
    from app.policy import cel  # noqa: PLC0415  under the bound

    serve(sys.stdin.buffer, sys.stdout.buffer, cel.check, cel.evaluate)


def bound(octets_max: int) -> None:
    """Bound memory for good, and leave no core dump with the values of somebody's request."""
    resource.setrlimit(resource.RLIMIT_AS, (octets_max, octets_max))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def serve(requests: BinaryIO, answers: BinaryIO, check: Check, evaluate: Evaluate) -> None:
    """Answer frames one after the other."""
    answers.write(encode_frame([]))  # ready
    answers.flush()
    while (request := read_frame(requests.read)) is not None:
        answers.write(_frame_of(_answer(cast("dict[str, object]", request), check, evaluate)))
        answers.flush()


def _answer(request: Mapping[str, object], check: Check, evaluate: Evaluate) -> list[object]:
    environment = Environment(str(request["environment"]))
    texts = cast("list[str]", request["expressions"])
    if request["does"] == "check":
        return [
            {**asdict(verdict), "selected": sorted(verdict.selected)}
            for verdict in (check(environment, text) for text in texts)
        ]
    return [*evaluate(environment, texts, cast("Mapping[str, object]", request["variables"]))]


def _frame_of(answer: list[object]) -> bytes:
    """Write an answer; one that is too long, or has a lone surrogate, is an error for all."""
    try:
        return encode_frame(answer)
    except (FrameError, ValueError) as error:
        return encode_frame([{"error": str(error)}] * len(answer))
