"""``waypost agent`` as a process: what it refuses to begin with, in one line."""

import os
import shutil
import subprocess
import sys

import pytest

NOWHERE = "http://127.0.0.1:9"


def run(*arguments: str, before: tuple[str, ...] = ()) -> tuple[int, str]:
    ended = subprocess.run(
        [*before, sys.executable, "-m", "app", "agent", "--node", "n1", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return ended.returncode, ended.stderr


@pytest.mark.parametrize(
    ("api", "words"),
    [
        (NOWHERE, "127.0.0.1:9"),
        ("nonsense", "nonsense is not an address such as http://"),
        (",", "the address of a registry is needed"),
    ],
)
def test_a_registry_that_cannot_be_asked_is_told_in_one_line(api: str, words: str) -> None:
    code, err = run("--api", api, "--once", "--dry-run")
    assert code == 1
    assert err.startswith("error: ")
    assert words in err
    assert err.count("\n") == 1


@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("setpriv") is None, reason="it takes root to be without it"
)
def test_without_the_capability_it_says_what_it_needs() -> None:
    code, err = run("--once", "--api", NOWHERE, before=("setpriv", "--bounding-set=-net_admin"))
    assert code == 1
    assert "CAP_NET_ADMIN" in err
    assert err.count("\n") == 1


def test_a_node_needs_a_name() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "app", "agent", "--once"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={name: value for name, value in os.environ.items() if name != "WAYPOST_NODE"},
    )
    assert ended.returncode == 2
    assert "--node" in ended.stderr
