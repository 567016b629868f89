"""The images: what each holds, how large it is, and what it says of what it lacks."""

from typing import Final

import pytest

from tests.compose.engine import Engine
from tests.compose.images import AGENT, BASE, DEFAULT, SLIM, size_bytes

pytestmark = [pytest.mark.compose, pytest.mark.timeout(900)]  # the first waits for the images

SLIM_BYTES_MAX: Final = 120_000_000  # on its base
EXPRESSION: Final = (
    "[claims.?sub.orValue('').upperAscii(), ['a', 'b'].join('-'), string(lists.range(3).size()),"
    " string(sets.contains([1], [1]))]"
)
EVALUATE: Final = """
import sys
from app.policy.cel import evaluate
from app.policy.expressions import Environment
print(evaluate(Environment.CLAIMS, sys.argv[1:], {"claims": {"sub": "ada"}}))
"""


def test_slim_is_small_on_its_base(engine: Engine) -> None:
    added = size_bytes(engine, SLIM) - size_bytes(engine, BASE)
    assert 0 < added < SLIM_BYTES_MAX
    assert added < size_bytes(engine, DEFAULT) - size_bytes(engine, BASE)


def test_slim_has_what_expressions_need(engine: Engine) -> None:
    evaluated = engine.docker(
        *("run", "--rm", "--entrypoint", "/opt/waypost/bin/python"),
        *(SLIM, "-c", EVALUATE, EXPRESSION),
    )
    assert evaluated == "[{'value': ['ADA', 'a-b', '3', 'true']}]\n"


def test_slim_says_that_it_has_no_embedded_database(engine: Engine) -> None:
    ended = engine.tried("docker", "run", "--rm", SLIM, "serve")
    assert ended.returncode == 1
    assert "no embedded database" in ended.stderr
    assert "WAYPOST_DATABASE_URL" in ended.stderr


def test_the_default_image_has_an_embedded_database(engine: Engine) -> None:
    assert "the database is at" in engine.docker("run", "--rm", DEFAULT, "migrate")


@pytest.mark.parametrize(
    "program", ["nft", "ipvsadm", "ipset", "iptables", "iptables-restore", "ip"]
)
def test_the_agent_s_image_has_the_kernel_s_programs(engine: Engine, program: str) -> None:
    engine.docker("run", "--rm", "--entrypoint", "sh", AGENT, "-c", f"command -v {program}")
