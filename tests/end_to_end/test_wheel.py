"""What is built from the checkout works without it: installed, run from elsewhere."""

import asyncio
import os
import re
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Final

import httpx
import pytest
from packaging.requirements import Requirement

from tests.end_to_end.processes import Program, serving

pytestmark = [pytest.mark.end_to_end, pytest.mark.slow, pytest.mark.timeout(400)]

ROOT: Final = Path(__file__).parents[2]
CLIENT_README: Final = ROOT / "waypost" / "README.md"
ENT: Final = {"metadata": {"name": "ent"}, "spec": {"ports": [{"port": 80}]}}


def built(source: Path, folder: Path) -> Path:
    """Build a source distribution, and the wheel from it."""
    build = (sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder))
    subprocess.run((*build, str(source)), check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(ROOT, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def client_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(ROOT / "waypost", tmp_path_factory.mktemp("client"))


def environment(folder: Path, *wheels: Path) -> tuple[Path, Path]:
    """Make an environment that has wheels; give the folders of its programs and packages."""
    venv.create(folder, with_pip=True)
    programs = folder / "bin"
    install = (str(programs / "python"), "-m", "pip", "install", "--no-deps", "--no-index")
    subprocess.run((*install, *map(str, wheels)), check=True, capture_output=True)
    (packages,) = (folder / "lib").glob("python*/site-packages")
    return programs, packages


@pytest.fixture(scope="module")
def installed(wheel: Path, client_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of the programs of an environment that has the wheels, not the checkout.

    What Waypost needs is borrowed from the environment of the tests, whose versions are the
    locked ones; its own editable installation is a .pth file, which borrowing leaves out.
    """
    folder = tmp_path_factory.mktemp("installed")
    programs, packages = environment(folder, wheel, client_wheel)
    borrowed = [path for path in sys.path if Path(path).name == "site-packages"]
    (packages / "borrowed.pth").write_text("".join(f"{path}\n" for path in borrowed))
    return programs


@pytest.fixture(scope="module")
def program(client_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the interpreter of an environment that has the client, and what it needs alone."""
    programs, packages = environment(tmp_path_factory.mktemp("program"), client_wheel)
    for needed in needs("httpx"):
        for top in {path.parts[0] for path in needed.files or () if path.parts[0] != ".."}:
            (packages / top).symlink_to(Path(str(needed.locate_file(top))))
    return programs / "python"


def needs(name: str) -> Iterator[Distribution]:
    """List a distribution and all that it needs, once each."""
    wanted, seen = [name], set[str]()
    while wanted:
        if (following := wanted.pop()) not in seen:
            seen.add(following)
            found = distribution(following)
            yield found
            required = map(Requirement, found.requires or ())
            wanted += [
                each.name
                for each in required
                if each.marker is None or each.marker.evaluate({"extra": ""})
            ]


def test_the_wheel_holds_the_migrations_and_nothing_of_the_checkout_besides(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    migrations = {path.name for path in (ROOT / "migrations" / "versions").glob("*.py")}
    assert {f"app/migrations/versions/{name}" for name in migrations} <= set(names)
    assert "app/migrations/env.py" in names
    assert {"app/schemas/documents/kubernetes_fields.json", "app/api/pages/favicon.ico"} <= set(
        names
    )
    assert {name.split("/")[0] for name in names} == {"app", _dist_info(names)}


async def test_the_installed_program_serves_from_any_folder_and_keeps_what_it_was_told(
    installed: Path, tmp_path: Path
) -> None:
    program = Program(command=(str(installed / "waypost"),), folder=tmp_path)
    for expected in (httpx.codes.CREATED, httpx.codes.CONFLICT):
        async with serving(tmp_path, program=program) as running:
            created = await running.client.post("/services", json=ENT)
            assert created.status_code == expected, created.text


def test_the_installed_program_is_not_the_one_of_the_checkout(
    installed: Path, tmp_path: Path
) -> None:
    where = subprocess.run(
        (installed / "python", "-c", "import app.main, sys; print(app.main.__file__)"),
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    assert Path(where.stdout).is_relative_to(installed.parent)


def test_the_wheel_of_the_client_holds_it_and_its_license(client_wheel: Path) -> None:
    with zipfile.ZipFile(client_wheel) as archive:
        names = archive.namelist()
    sources = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "waypost" / "client").rglob("*")
        if path.suffix in (".py", ".typed")
    }
    info = _dist_info(names)
    assert sources <= set(names)
    assert {name for name in names if not name.startswith(info)} == sources
    assert f"{info}/licenses/LICENSE" in names


def test_the_client_brings_neither_a_framework_nor_a_database(
    program: Path, tmp_path: Path
) -> None:
    unwanted = ("app", "fastapi", "starlette", "pydantic", "sqlalchemy", "asyncpg", "yaml")
    find = f"from importlib.util import find_spec; print(*filter(find_spec, {unwanted}))"
    for command, out in (("-c", find), "\n"), (("-m", "pip", "check"), "No broken requirements"):
        ended = subprocess.run(
            (program, *command), cwd=tmp_path, check=True, capture_output=True, text=True
        )
        assert ended.stdout.startswith(out), ended.stdout


async def test_the_program_of_the_clients_readme_runs(program: Path, tmp_path: Path) -> None:
    (source,) = re.findall(r"```python\n(.*?)```", CLIENT_README.read_text(), re.DOTALL)
    script = tmp_path / "program.py"
    script.write_text(source)
    async with serving(tmp_path) as running:
        ended = await asyncio.create_subprocess_exec(
            program,
            script,
            cwd=tmp_path,
            env={**os.environ, "WAYPOST_API": f"http://127.0.0.1:{running.api_port}"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await ended.communicate()
    assert ended.returncode == 0, err.decode()
    assert re.fullmatch(r"NOERROR 10\.\d+\.\d+\.\d+\n", out.decode())


def _dist_info(names: list[str]) -> str:
    (folder,) = {top for name in names if (top := name.split("/")[0]).endswith(".dist-info")}
    return folder
