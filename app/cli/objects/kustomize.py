"""What kustomize builds of a folder, by the program of the user.

folder -> `kustomize build` | `kubectl kustomize` -> manifests
"""

import subprocess
from shutil import which
from typing import Final

from app.cli.failures import Unreadable
from app.cli.manifests import Source

BUILD_S_MAX: Final = 120.0
_PROGRAMS: Final = (("kustomize", "build"), ("kubectl", "kustomize"))


def built(folder: str) -> Source:
    """Build a folder; raises Unreadable when there is no program for it, or it fails."""
    for program, word in _PROGRAMS:
        if path := which(program):
            return Source(f"kustomize {folder}", _output(path, word, folder))
    raise Unreadable(
        f"{folder}: -k needs the program kustomize, or kubectl, and neither is installed"
    )


def _output(program: str, word: str, folder: str) -> bytes:
    try:
        ended = subprocess.run(  # noqa: S603  the program of the user, by its path
            (program, word, "--", folder), capture_output=True, check=False, timeout=BUILD_S_MAX
        )
    except subprocess.TimeoutExpired:
        raise Unreadable(f"{folder}: kustomize has not ended within {BUILD_S_MAX:g} s") from None
    if ended.returncode:
        problem = ended.stderr.decode(errors="replace").strip().removeprefix("Error: ")
        raise Unreadable(f"{folder}: kustomize: {problem}")
    return ended.stdout
