"""Every manifest that the documentation shows whole is accepted, without a warning."""

import re
from pathlib import Path
from typing import Final

import pytest

from tests.reference.site import sources
from tests.registries import an_api

SHOWN: Final = re.compile(r"apply -f - <<'END'\n(.*?)^END$", re.MULTILINE | re.DOTALL)


def shown() -> list[tuple[Path, str]]:
    """List the manifests that a page feeds to ``waypost apply``."""
    return [(page, text) for page in sources() for text in SHOWN.findall(page.read_text())]


@pytest.mark.database
async def test_manifests_of_the_documentation_are_accepted(database_url: str) -> None:
    found = shown()
    assert len(found) >= 3, "the pages show some"
    async with an_api(database_url) as api:
        for page, text in found:
            answer = await api.post(
                "/apply?dryRun=All&strict=true&fieldValidation=Strict",
                content=text,
                headers={"Content-Type": "application/yaml"},
            )
            assert answer.is_success, (page.name, answer.text)
            assert "warning" not in answer.headers, (page.name, answer.headers["warning"])
