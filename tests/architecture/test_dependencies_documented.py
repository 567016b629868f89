"""The README says of every dependency what it is for."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_dependency_has_its_reason_in_the_readme() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = {re.split(r"[\[<>=!~ ;]", text)[0] for text in project["dependencies"]}
    _, _, section = (ROOT / "README.md").read_text().partition("\n## Dependencies\n")
    table, _, _ = section.partition("\n## ")
    reasons = {
        name.strip()
        for row in table.splitlines()
        if row.startswith("| ")
        for name in row.split("|")[1].split(",")
    }
    assert named - reasons == set()
