"""Put the project's Markdown where the generator of the docs site finds it.

    README.md, docs/**.md, bench/*.md, ... -> FOLDER/**, with their links between each other

``make docs`` runs it.  A link to a file that is no page, such as a manifest, becomes a link to a
copy of that file.  Raises SystemExit with every link that leads nowhere.
"""

import re
import shutil
import sys
from collections.abc import Iterator
from os.path import relpath
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
MOVED: Final = {"README.md": "index.md", "CHANGELOG.md": "changelog.md"}
_LINK: Final = re.compile(r"(?<=\]\()(?!https?:|mailto:|#)([^)#\s]+)")


def sources() -> Iterator[Path]:
    """Yield the Markdown of the project, without its decisions and what is generated."""
    yield ROOT / "README.md"
    yield ROOT / "CHANGELOG.md"
    yield from sorted((ROOT / "bench").glob("*.md"))
    yield ROOT / "tests" / "README.md"
    yield from sorted((ROOT / "docs").rglob("*.md"))


def place(source: Path) -> Path:
    """Give where a file of the checkout is in the site: ``docs/`` is its root."""
    path = source.relative_to(ROOT)
    if str(path) in MOVED:
        return Path(MOVED[str(path)])
    return path.relative_to("docs") if path.parts[0] == "docs" else path


def stage(folder: Path) -> list[str]:
    """Write all pages below ``folder``; return the links that lead nowhere."""
    broken: list[str] = []
    pages = set(sources())
    for page in pages:
        target = folder / place(page)
        target.parent.mkdir(parents=True, exist_ok=True)

        def rewritten(found: re.Match[str], page: Path = page, target: Path = target) -> str:
            linked = (page.parent / found[1]).resolve()
            if linked.is_dir():
                linked = _first_page(linked, pages)
            if not linked.is_file() or not linked.is_relative_to(ROOT):
                broken.append(f"{page.relative_to(ROOT)}: {found[1]}")
                return found[0]
            copy = folder / place(linked)
            if linked not in pages and not copy.exists():
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(linked, copy)
            return relpath(copy, target.parent)

        target.write_text(_LINK.sub(rewritten, page.read_text()))
    return broken


def _first_page(folder: Path, pages: set[Path]) -> Path:
    """Give the page that stands for a folder."""
    readme = folder / "README.md"
    inside = sorted(page for page in pages if folder in page.parents)
    return readme if readme in pages or not inside else inside[0]


def main(folder: Path) -> None:
    """Stage the site, and fail if a link leads nowhere."""
    shutil.rmtree(folder, ignore_errors=True)
    if broken := stage(folder):
        sys.exit("links that lead nowhere:\n  " + "\n  ".join(broken))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
