"""``waypost agent`` as a process: what it refuses to begin with, in one line."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
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


def test_an_agent_imports_neither_models_nor_metrics_before_its_rules_are_loaded(
    tmp_path: Path,
) -> None:
    script = (
        "import atexit, sys; from app.__main__ import main;"
        "atexit.register(lambda: print('\\n', *sys.modules)); main()"
    )
    words = ["agent", "--node", "n1", "--backend", "nftables", "--dry-run", "--once"]
    ended = subprocess.run(
        [sys.executable, "-c", script, *words, "--api", "http://127.0.0.1:1"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
    )
    assert "Connection refused" in ended.stderr
    loaded = set(ended.stdout.splitlines()[-1].split())
    assert "app.agent.sinks.nftables" in loaded
    slow = {"pydantic", "pydantic_settings", "prometheus_client", "app.config", "app.agent.pods"}
    assert loaded & {*slow, "app.schemas", "app.domain.snapshot", "app.agent.modes.ipvs"} == set()
