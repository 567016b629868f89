"""A line of the log for each request, if an operator wants that.

    request, its answer -> method, path, status, seconds until the answer began, user

Answers that are given again are logged like all others.  A query is left out: it may be long.
"""

import logging
from collections.abc import Awaitable
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.access.identity import permit_of
from app.api.http.kept_answers import count_kept

_log = logging.getLogger(__name__)


class AccessLog:
    """Middleware that logs requests."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Answer one request, and log it when the answer begins."""
        if scope["type"] != "http":
            return self._app(scope, receive, send)
        begun_at = perf_counter()

        def logged(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                permit = permit_of(scope)
                user = "" if permit is None else permit.caller.user.name
                asked = scope["method"], scope["path"], message["status"], user

                def log(took_s: float) -> None:
                    _log_request(*asked, took_s=took_s)

                log(perf_counter() - begun_at)
                count_kept(scope, log)
            return send(message)

        return self._app(scope, receive, logged)


def _log_request(method: str, path: str, status: int, user: str, *, took_s: float) -> None:
    by = f", by {user}" if user else ""
    fields = {"method": method, "path": path, "status": status, "seconds": round(took_s, 6)}
    _log.info(
        "%s %s: %d after %.1f ms%s",
        *(method, path, status, took_s * 1_000, by),
        extra={"fields": {**fields, "user": user} if user else fields},
    )
