"""What a person and a browser find: the index, the page of the routes, their document, an icon.

    GET /             -> the page, for browsers; else the paths, in JSON or YAML
    GET /docs         -> our page -> swagger-ui's script and style, from the installed package
    GET /openapi.json -> the document of the routes
    GET /favicon.ico  -> our drawing, in three sizes; ``pages/favicon.svg`` is its source

The Content-Security-Policy forbids loading from elsewhere and framing.  Swagger UI styles
elements inline, so inline styles are allowed.  No code of the package is run on the server.

Source: spec access 1.7 and 5.1; Content Security Policy Level 3; apiserver
``pkg/server/routes/index.go``.
"""

import json
from http import HTTPStatus
from importlib.util import find_spec
from pathlib import Path
from typing import Final, cast

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse, Response

from app.api.access.requirements import path_itself, requires
from app.api.http.content_negotiation import JSON, prefers_html
from app.api.http.fixed import Fixed
from app.api.objects.representation import answer

PACKAGE: Final = "fastapi_swagger"
SCRIPT, STYLE = "swagger-ui-bundle.js", "swagger-ui.css"
JAVASCRIPT: Final = "text/javascript"
OUR_PAGES: Final = Path(__file__).parent / "pages"
POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS: Final = {"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"}
PAGE: Final = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Waypost</title>
<link rel="stylesheet" href="docs/{STYLE}">
<link rel="icon" href="favicon.ico">
</head>
<body>
<div id="page"></div>
<script src="docs/{SCRIPT}"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
START: Final = """SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#page",
  deepLinking: true,
  validatorUrl: null,  // it would be asked over the internet
});
"""

router = APIRouter(include_in_schema=False)


def document_of(app: FastAPI) -> Fixed:
    """Make the answer with an application's document, which takes most of a second to derive."""

    def make() -> bytes:
        return json.dumps(app.openapi(), ensure_ascii=False, separators=(",", ":")).encode()

    return Fixed(make, media_type=JSON)


@router.get("/")
@requires(path_itself)
async def get_index(request: Request) -> Response:
    """Lead a browser to the page, and list the paths for other clients."""
    headers = {"Vary": "Accept"}
    if prefers_html(request):
        # Relative, so that it also holds below a path of a proxy.
        return Response(status_code=HTTPStatus.SEE_OTHER, headers={"Location": "docs", **headers})
    await _document_of(request).prepare()
    index = {
        "name": request.app.title,
        "version": request.app.version,
        "docs": "/docs",
        "openapi": "/openapi.json",
        "paths": sorted(request.app.openapi()["paths"]),
    }
    return answer(request, index, headers=headers)


@router.get("/openapi.json")
@requires(path_itself)
async def get_document(request: Request) -> Response:
    """Describe the routes."""
    return await _document_of(request).answer(request)


@router.get("/favicon.ico")
@requires(path_itself)
async def get_icon(request: Request) -> Response:
    """Give the icon that browsers ask for."""
    return await _ICON.answer(request)


@router.get("/docs")
@requires(path_itself)
async def get_docs() -> Response:
    """Show the page."""
    return HTMLResponse(PAGE, headers=HEADERS)


@router.get("/docs/start.js")
@requires(path_itself)
async def get_start() -> Response:
    """Give the script that opens this server's document."""
    return Response(START, media_type=JAVASCRIPT)


@router.get(f"/docs/{SCRIPT}")
@requires(path_itself)
async def get_script(request: Request) -> Response:
    """Give the script of Swagger UI."""
    return await _SCRIPT.answer(request)


@router.get(f"/docs/{STYLE}")
@requires(path_itself)
async def get_style(request: Request) -> Response:
    """Give the style of Swagger UI."""
    return await _STYLE.answer(request)


def _of_package(name: str, media_type: str) -> Fixed:
    found = find_spec(PACKAGE)
    assert found is not None, "it is a dependency"
    assert found.origin is not None, "it is a package of files"
    path = Path(found.origin).parent / "resources" / name
    return Fixed(path.read_bytes, media_type=media_type)


def _document_of(request: Request) -> Fixed:
    return cast("Fixed", request.app.state.document)


_SCRIPT: Final = _of_package(SCRIPT, JAVASCRIPT)
_STYLE: Final = _of_package(STYLE, "text/css")
_ICON: Final = Fixed((OUR_PAGES / "favicon.ico").read_bytes, media_type="image/x-icon")
