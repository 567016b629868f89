"""What a kind costs: three files and a line in each of three tables.

    a copy of the application, files of two kinds, lines -> what any kind has (added_kinds.py)

One kind is written by clients, the other follows from it.  They are added to a copy, so that
the application knows nothing of them but these files and lines.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILES = Path(__file__).parent / "files" / "app"

LINES = {
    "domain/resources.py": {
        "from app.domain.objects.namespace import NAMESPACE\n": (
            "from app.domain.objects.gadget import GADGET\n"
            "from app.domain.objects.gadget_count import GADGET_COUNT\n"
        ),
        "    NODE,\n": "    GADGET,\n    GADGET_COUNT,\n",  # behind the Namespace that it is in
    },
    "domain/registration/strategies.py": {
        "from app.domain.objects.namespace import NAMESPACE\n": (
            "from app.domain.objects.gadget import GADGET\n"
            "from app.domain.objects.gadget_count import GADGET_COUNT\n"
            "from app.domain.registration import gadget_counts, gadgets\n"
        ),
        "        NAMESPACE: namespaces.STRATEGY,\n": (
            "        GADGET: gadgets.STRATEGY,\n        GADGET_COUNT: gadget_counts.DERIVATION,\n"
        ),
    },
    "schemas/objects/wires.py": {
        "from app.schemas.objects.wire import": (
            "from app.schemas.objects import gadget, gadget_count\n"
        ),
        "    namespace.WIRE,\n": "    gadget.WIRE,\n    gadget_count.WIRE,\n",
    },
}
"""By file and by the line that they stand before: an import and an entry for each kind."""

SUITES = (
    "tests/kinds/added_kinds.py",
    "tests/architecture/test_kinds.py",
    "tests/domain/test_resources.py",
    "tests/domain/test_snapshot.py",
    "tests/schemas/documents/test_kubernetes_fields.py",
    "tests/cli/test_columns.py",
)
"""What holds for every kind, these two among them."""


KIND_TABLE = "import waypost.generate as g; print(g.kinds_of_command_line(), end='')"
"""What ``make openapi`` writes for the command line."""


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the copy."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    return subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def with_added_kinds(folder: Path) -> None:
    """Copy the application into a folder, and add the kinds to the copy."""
    shutil.copytree(ROOT / "app", folder / "app", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(FILES, folder / "app", dirs_exist_ok=True)
    for name, lines in LINES.items():
        path = folder / "app" / name
        text = path.read_text()
        for before, added in lines.items():
            assert text.count(before) == 1, f"{name} is not as expected: {before!r}"
            text = text.replace(before, added + before)
        path.write_text(text)
    for name in ("tests", "migrations", "waypost", "pyproject.toml"):
        (folder / name).symlink_to(ROOT / name)
    table = run(folder, "-c", KIND_TABLE)
    (folder / "app" / "cli" / "kind_table.py").write_text(table.stdout)


def test_three_files_and_three_lines_make_a_kind(tmp_path: Path) -> None:
    with_added_kinds(tmp_path)
    ended = run(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0", *SUITES)
    assert ended.returncode == 0, ended.stdout[-6_000:] + ended.stderr[-2_000:]
