"""What is built from the checkout works without it: installed, run from elsewhere."""

import subprocess
import sys
import venv
import zipfile
from pathlib import Path
from typing import Final

import httpx
import pytest

from tests.end_to_end.processes import Program, serving

pytestmark = [pytest.mark.end_to_end, pytest.mark.slow, pytest.mark.timeout(400)]

ROOT: Final = Path(__file__).parents[2]
ENT: Final = {"metadata": {"name": "ent"}, "spec": {"ports": [{"port": 80}]}}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    build = (sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder))
    subprocess.run((*build, str(ROOT)), check=True, capture_output=True)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of the programs of an environment that has the wheel, not the checkout.

    What Waypost needs is borrowed from the environment of the tests, whose versions are the
    locked ones; its own editable installation is a .pth file, which borrowing leaves out.
    """
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=True)
    programs = folder / "bin"
    install = (str(programs / "python"), "-m", "pip", "install", "--no-deps", "--no-index")
    subprocess.run((*install, str(wheel)), check=True, capture_output=True)
    (packages,) = (folder / "lib").glob("python*/site-packages")
    borrowed = [path for path in sys.path if Path(path).name == "site-packages"]
    (packages / "borrowed.pth").write_text("".join(f"{path}\n" for path in borrowed))
    return programs


def test_the_wheel_holds_the_migrations_and_nothing_of_the_checkout_besides(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    migrations = {path.name for path in (ROOT / "migrations" / "versions").glob("*.py")}
    assert {f"app/migrations/versions/{name}" for name in migrations} <= set(names)
    assert "app/migrations/env.py" in names
    assert "app/schemas/documents/kubernetes_fields.json" in names
    assert {name.split("/")[0] for name in names} == {"app", "waypost", _dist_info(names)}


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


def _dist_info(names: list[str]) -> str:
    (folder,) = {top for name in names if (top := name.split("/")[0]).endswith(".dist-info")}
    return folder
