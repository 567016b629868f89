"""The images of the Dockerfile and PostgreSQL's, built without a network.

    build/compose/base.tar -> base -> slim, agent, default -> postgres

`make test-compose` makes the file.
"""

import os
from pathlib import Path
from typing import Final

from tests.compose.engine import Engine

ROOT: Final = Path(__file__).parents[2]
ARCHIVE: Final = ROOT / "build" / "compose" / "base.tar"
BASE: Final = "waypost-test-base"
SLIM: Final = "waypost-test:slim"
AGENT: Final = "waypost-test:agent"
DEFAULT: Final = "waypost-test:default"
POSTGRES: Final = "waypost-test-postgres"
POSTGRES_FOLDER: Final = Path(__file__).parent / "postgres"


def make_images(engine: Engine) -> None:
    """Build them all; the stages that they share are built once."""
    engine.docker("import", os.fspath(ARCHIVE), BASE)
    for target, tag in (("slim", SLIM), ("agent", AGENT), ("", DEFAULT)):
        words = ("--target", target) if target else ()
        engine.docker("build", "--build-arg", f"BASE={BASE}", *words, "--tag", tag, os.fspath(ROOT))
    engine.docker(
        *("build", "--build-arg", f"WAYPOST={DEFAULT}", "--tag", POSTGRES),
        os.fspath(POSTGRES_FOLDER),
    )


def size_bytes(engine: Engine, image: str) -> int:
    """Read the size of an image, its base included."""
    return int(engine.inspected(image, "{{.Size}}"))
