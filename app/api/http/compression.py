"""Compression of answers, for clients that accept gzip.

    answer, Accept-Encoding -> the answer, with Content-Encoding if it is large

Answers of known length and long lists are compressed, large pieces in a thread, as zlib releases
the interpreter lock.  Streams of events are not, as in Kubernetes: each would keep a compressor of
256 KiB, and an event is sent when it occurs.  Every other answer depends on the client's
Accept-Encoding and says so, a 304 and one without a body too (RFC 9110 section 15.4.5).

An entity tag stays as it is: it is the revision of an object, which clients send in If-Match, and
no route serves ranges of octets.

Source: RFC 9110 sections 8.8.3.3, 12.5.3 and 12.5.5; apiserver
``pkg/endpoints/handlers/responsewriters/writers.go``.
"""

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipResponder
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.http.content_negotiation import accepts_gzip
from app.api.http.delivery import NDJSON, is_stream
from app.api.http.packing import LEVEL, PACKED_BYTES_MIN

BESIDE_BYTES_MIN: Final = 65_536  # compressing this takes a millisecond, which is worth a thread
_EXCLUDED: Final = (*DEFAULT_EXCLUDED_CONTENT_TYPES, NDJSON)
_CODING: Final = "Accept-Encoding"


class Compression:
    """Middleware that compresses large answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        app, send = self._app, _varying(send)
        if accepts_gzip(scope):
            app = GZipResponder(
                app,
                PACKED_BYTES_MIN,
                LEVEL,
                thread_minimum_size=BESIDE_BYTES_MIN,
                exclude_content_types=_EXCLUDED,
            )
        await app(scope, receive, send)


def _varying(send: Send) -> Send:
    """Say in each answer but a stream that it depends on the accepted codings."""

    async def send_varying(message: Message) -> None:
        if message["type"] == "http.response.start" and not is_stream(message):
            headers = MutableHeaders(scope=message)
            if _CODING not in headers.get("vary", ""):
                headers.add_vary_header(_CODING)
        await send(message)

    return send_varying
