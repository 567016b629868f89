"""Requests to an application in the same process, the way its server hands them over."""

from starlette.types import ASGIApp, Message, Scope


async def ask(app: ASGIApp, method: str, path: str, body: bytes, content_type: str) -> int:
    """Send a request and wait for all of its answer; gives the status."""
    statuses: list[int] = []
    is_unread = True

    async def receive() -> Message:
        nonlocal is_unread
        sent, is_unread = (body if is_unread else b""), False
        return {"type": "http.request", "body": sent, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"localhost"), (b"content-type", content_type.encode())],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8053),
    }
    await app(scope, receive, send)
    return statuses[0]
