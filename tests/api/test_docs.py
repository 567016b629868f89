"""The page of the routes: it loads nothing from elsewhere, and cannot be framed."""

import re

import httpx
import pytest

from app.api.credentials.configuration import ANONYMOUS_PATHS
from app.api.docs import ICON, PAGE, SCRIPT, STYLE

URLS = re.findall(r'(?:src|href)="([^"]+)"', PAGE)


async def test_the_page_loads_nothing_from_elsewhere(api: httpx.AsyncClient) -> None:
    page = await api.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert page.text == PAGE
    assert "//" not in page.text
    policy = dict(
        part.split(" ", 1) for part in page.headers["content-security-policy"].split("; ")
    )
    assert policy["default-src"] == policy["frame-ancestors"] == "'none'"
    sources = {source for listed in policy.values() for source in listed.split()}
    assert sources == {"'none'", "'self'", "'unsafe-inline'", "data:"}
    assert policy["script-src"] == "'self'", "no script of the page's own text runs"
    assert page.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    ("name", "media", "octets_min"),
    [
        (SCRIPT, "text/javascript", 500_000),
        (STYLE, "text/css", 50_000),
        (ICON, "image/png", 100),
        ("start.js", "text/javascript", 100),
    ],
)
async def test_everything_that_the_page_refers_to_is_served(
    api: httpx.AsyncClient, name: str, media: str, octets_min: int
) -> None:
    assert f"docs/{name}" in URLS
    file = await api.get(f"/docs/{name}")
    assert file.headers["content-type"].startswith(media)
    assert len(file.content) > octets_min


def test_the_page_refers_to_nothing_else() -> None:
    assert len(URLS) == 4


async def test_the_style_loads_nothing_from_elsewhere(api: httpx.AsyncClient) -> None:
    style = (await api.get(f"/docs/{STYLE}")).text
    assert "@import" not in style
    assert {url[:5] for url in re.findall(r"url\(['\"]?([^)]*)", style)} <= {"data:"}


@pytest.mark.parametrize(
    "path", ["/redoc", "/docs/oauth2-redirect", "/docs/main.py", "/docs/swagger-ui-bundle.js.map"]
)
async def test_other_files_of_the_package_are_not_served(api: httpx.AsyncClient, path: str) -> None:
    assert (await api.get(path)).status_code == 404


def test_what_the_page_loads_needs_no_credentials_either() -> None:
    assert {"/docs", *(f"/{url}" for url in URLS)} <= ANONYMOUS_PATHS
