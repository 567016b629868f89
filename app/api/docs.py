"""The page on which the routes can be read and tried, served without other hosts.

    GET /docs -> our page -> swagger-ui's script and style, from the installed package

The Content-Security-Policy forbids loading from elsewhere and framing.  Swagger UI styles
elements inline, so inline styles are allowed.  No code of the package is run on the server.

Source: spec access 5.1; Content Security Policy Level 3.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, Response

from app.api.access.requirements import path_itself, requires

PACKAGE: Final = "fastapi_swagger"
SCRIPT, STYLE, ICON = "swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png"
MEDIA_TYPES: Final = {SCRIPT: "text/javascript", STYLE: "text/css", ICON: "image/png"}
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
<link rel="icon" href="docs/{ICON}">
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


@router.get("/docs")
@requires(path_itself)
async def get_docs() -> Response:
    """Show the page."""
    return HTMLResponse(PAGE, headers=HEADERS)


@router.get("/docs/start.js")
@requires(path_itself)
async def get_start() -> Response:
    """Give the script that opens this server's document."""
    return Response(START, media_type="text/javascript")


@router.get(f"/docs/{SCRIPT}")
@router.get(f"/docs/{STYLE}")
@router.get(f"/docs/{ICON}")
@requires(path_itself)
async def get_file(request: Request) -> Response:
    """Give a file of Swagger UI."""
    name = request.url.path.rpartition("/")[2]
    return FileResponse(_files() / name, media_type=MEDIA_TYPES[name])


def _files() -> Path:
    found = find_spec(PACKAGE)
    assert found is not None, "it is a dependency"
    assert found.origin is not None, "it is a package of files"
    return Path(found.origin).parent / "resources"
