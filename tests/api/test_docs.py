"""What a browser finds: its way to the page, which loads nothing from elsewhere, and the icon."""

import re
import struct
from collections.abc import Iterator

import httpx
import pytest

from app.api import application
from app.api.credentials.configuration import ANONYMOUS_PATHS
from app.api.docs import PAGE, SCRIPT, STYLE
from app.main import VERSION

FIREFOX = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
CHROMIUM = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,"
    "*/*;q=0.8,application/signed-exchange;v=b3;q=0.7"
)
PNG = b"\x89PNG\r\n\x1a\n"
URLS = re.findall(r'(?:src|href)="([^"]+)"', PAGE)


@pytest.mark.parametrize("accept", [FIREFOX, CHROMIUM, "text/html", "TEXT/HTML;level=1"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_browser_is_led_to_the_page(
    api: httpx.AsyncClient, method: str, accept: str
) -> None:
    answer = await api.request(method, "/", headers={"Accept": accept})
    assert (answer.status_code, answer.headers["location"]) == (303, "docs")
    assert "Accept" in answer.headers["vary"].split(", ")
    assert str(answer.url.join(answer.headers["location"])) == "http://localhost/docs"


@pytest.mark.parametrize(
    "accept",
    [
        "*/*",
        "application/json",
        "text/html;q=0, */*",
        "text/html;q=0.5, application/json",
        "image/*,*/*",
    ],
)
async def test_other_clients_get_the_paths(api: httpx.AsyncClient, accept: str) -> None:
    answer = await api.get("/", headers={"Accept": accept})
    assert answer.headers["content-type"] == "application/json"
    index = answer.json()
    document = (await api.get(index["openapi"])).json()
    assert index["paths"] == sorted(document["paths"])
    assert (index["name"], index["version"]) == ("Waypost", VERSION)
    assert (await api.get(index["docs"])).headers["content-type"].startswith("text/html")


async def test_the_paths_are_also_there_in_yaml(api: httpx.AsyncClient) -> None:
    answer = await api.get("/", headers={"Accept": "application/yaml"})
    assert answer.text.startswith("name: Waypost\n")


async def test_the_index_has_no_other_methods(api: httpx.AsyncClient) -> None:
    answer = await api.post("/")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert answer.json()["reason"] == "MethodNotAllowed"


async def test_the_document_is_that_of_the_application(api: httpx.AsyncClient) -> None:
    answer = await api.get("/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == application.build(version=VERSION).openapi()


async def test_the_icon_has_three_sizes(api: httpx.AsyncClient) -> None:
    answer = await api.get("/favicon.ico")
    assert answer.headers["content-type"] == "image/x-icon"
    assert list(pictures(answer.content)) == [(16, 16), (32, 32), (48, 48)]


def pictures(icon: bytes) -> Iterator[tuple[int, int]]:
    """Read the sizes of the PNGs in an ICO file."""
    reserved, kind, count = struct.unpack_from("<HHH", icon)
    assert (reserved, kind) == (0, 1)
    for number in range(count):
        size, at = struct.unpack_from("<II", icon, 6 + 16 * number + 8)
        picture = icon[at : at + size]
        assert picture.startswith(PNG)
        width, height = struct.unpack_from(">II", picture, 16)
        assert (width % 256, height % 256) == tuple(icon[6 + 16 * number : 8 + 16 * number])
        yield width, height


@pytest.mark.parametrize(
    "path", ["/openapi.json", "/favicon.ico", f"/docs/{SCRIPT}", f"/docs/{STYLE}"]
)
async def test_a_file_that_a_client_has_is_not_sent_again(
    api: httpx.AsyncClient, path: str
) -> None:
    whole = await api.get(path)
    again = await api.get(path, headers={"If-None-Match": whole.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    kept = ("etag", "vary", "cache-control")
    assert [again.headers[name] for name in kept] == [whole.headers[name] for name in kept]
    assert (await api.get(path, headers={"If-None-Match": '"another"'})).content == whole.content


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
    assert {url for url in URLS if not url.startswith("docs/")} == {"favicon.ico"}
    assert len(URLS) == 4


async def test_the_style_loads_nothing_from_elsewhere(api: httpx.AsyncClient) -> None:
    style = (await api.get(f"/docs/{STYLE}")).text
    assert "@import" not in style
    assert {url[:5] for url in re.findall(r"url\(['\"]?([^)]*)", style)} <= {"data:"}


@pytest.mark.parametrize(
    "path",
    [
        "/redoc",
        "/docs/favicon-32x32.png",
        "/favicon.svg",
        "/docs/oauth2-redirect",
        "/docs/main.py",
        "/docs/swagger-ui-bundle.js.map",
    ],
)
async def test_other_files_of_the_package_are_not_served(api: httpx.AsyncClient, path: str) -> None:
    assert (await api.get(path)).status_code == 404


def test_what_the_page_loads_needs_no_credentials_either() -> None:
    assert {"/", "/docs", "/openapi.json", *(f"/{url}" for url in URLS)} <= ANONYMOUS_PATHS
