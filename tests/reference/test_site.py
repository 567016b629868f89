"""The docs site has every page of the project, and no link of it leads nowhere."""

from pathlib import Path

from tests.reference.site import ROOT, place, sources, stage


def test_no_link_of_the_documentation_leads_nowhere(tmp_path: Path) -> None:
    assert stage(tmp_path) == []


def test_pages_keep_their_links_to_each_other_and_to_files(tmp_path: Path) -> None:
    stage(tmp_path)
    start = (tmp_path / "index.md").read_text()
    assert "](lifecycle.md)" in start
    assert "](openapi.json)" in start
    assert (tmp_path / "openapi.json").is_file()


def test_every_page_has_a_place_of_its_own() -> None:
    places = [place(page) for page in sources()]
    assert len(set(places)) == len(places)
    assert place(ROOT / "README.md") == Path("index.md")
    assert place(ROOT / "docs" / "dns.md") == Path("dns.md")
