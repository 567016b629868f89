"""The client is a project of its own, released with the server, and needs httpx alone."""

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import waypost.client

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "waypost"
LOADED = """
import sys
import httpx
before = set(sys.modules)
import waypost.client, waypost.client.models
for name in waypost.client.__all__:
    getattr(waypost.client, name)
print(*{name.partition(".")[0] for name in set(sys.modules) - before})
"""


def project(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "pyproject.toml").read_text())["project"]


def test_the_server_needs_the_client_of_its_own_version() -> None:
    server, client = project(ROOT), project(CLIENT)
    assert client["version"] == server["version"]
    assert f"waypost-client=={client['version']}" in server["dependencies"]


def test_both_need_the_same_httpx() -> None:
    assert set(project(CLIENT)["dependencies"]) <= set(project(ROOT)["dependencies"])


def test_both_have_the_same_licence() -> None:
    assert (CLIENT / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_the_client_loads_httpx_and_the_standard_library_alone() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", LOADED], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert "waypost" in loaded
    assert set(loaded) - sys.stdlib_module_names == {"waypost"}


def test_the_errors_alone_load_neither_httpx_nor_asyncio() -> None:
    script = "import sys\nfrom waypost.client import Refused\nprint(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert {"httpx", "asyncio", "ssl"}.isdisjoint(loaded)


def test_a_name_that_the_client_does_not_have_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Final'"):
        _ = waypost.client.Final
