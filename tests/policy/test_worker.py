"""The loop of the process that evaluates, without the process."""

import io
import json
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.policy.expressions import Environment, Verdict
from app.policy.frames import (
    FRAME_OCTETS_MAX,
    LENGTH_OCTETS,
    FrameError,
    decode_content,
    encode_frame,
    length_of,
    read_frame,
)
from app.policy.worker import serve

ROOT = Path(__file__).parents[2]


def check(environment: Environment, text: str) -> Verdict:
    return Verdict(type=environment, selected=frozenset({(text, "b"), (text, "a")}))


def evaluate(
    environment: Environment, texts: Sequence[str], variables: Mapping[str, object]
) -> Sequence[Mapping[str, object]]:
    if variables.get("long"):
        return [{"value": "x" * FRAME_OCTETS_MAX}]
    return [{"value": [environment, text, variables]} for text in texts]


def served(*requests: object) -> list[Any]:
    answers = io.BytesIO()
    serve(io.BytesIO(b"".join(map(encode_frame, requests))), answers, check, evaluate)
    answers.seek(0)
    found: list[Any] = []
    while (answer := read_frame(answers.read)) is not None:
        found.append(answer)
    assert found[0] == [], "it says first that it is ready"
    return found[1:]


def test_questions_are_answered_in_order_until_the_input_ends() -> None:
    evaluated: dict[str, object] = {
        "does": "evaluate",
        "environment": "user",
        "expressions": ["a", "b"],
        "variables": {"user": {}},
    }
    checked = {"does": "check", "environment": "claims", "expressions": ["x"]}
    assert served(evaluated, checked) == [
        [{"value": ["user", text, {"user": {}}]} for text in "ab"],
        [{"problem": "", "type": "claims", "selected": [["x", "a"], ["x", "b"]]}],
    ]
    assert served() == []


def test_an_answer_that_is_too_long_is_an_error() -> None:
    question = {
        "does": "evaluate",
        "environment": "user",
        "expressions": ["a"],
        "variables": {"long": True},
    }
    assert served(question) == [[{"error": "more than 4194304 octets"}]]


@given(st.lists(st.integers() | st.text(st.characters(exclude_categories=["Cs"]))))
def test_reading_inverts_writing(content: list[object]) -> None:
    frame = encode_frame(content)
    assert read_frame(io.BytesIO(frame).read) == content
    assert length_of(frame[:LENGTH_OCTETS]) == len(frame) - LENGTH_OCTETS


@pytest.mark.parametrize("content", [float("inf"), float("nan")])
def test_what_json_has_not_is_not_written(content: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode_frame([content])


def test_frames_are_bounded_and_whole() -> None:
    with pytest.raises(FrameError):
        length_of((FRAME_OCTETS_MAX + 1).to_bytes(LENGTH_OCTETS, "big"))
    with pytest.raises(FrameError):
        decode_content(b"[" * 100_000)
    with pytest.raises(FrameError):
        decode_content(b"\xff")
    assert read_frame(io.BytesIO(b"\x00\x00").read) is None


def test_a_process_bounds_its_memory_and_leaves_no_core_dump() -> None:
    program = (
        "import json, resource; from app.policy.worker import bound; bound(1 << 30);"
        "print(json.dumps([resource.getrlimit(each) for each in"
        " (resource.RLIMIT_AS, resource.RLIMIT_CORE)]))"
    )
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True)
    assert json.loads(run.stdout) == [[1 << 30, 1 << 30], [0, 0]]
    assert resource.getrlimit(resource.RLIMIT_AS)[0] != 1 << 30, "this one is not bound"
