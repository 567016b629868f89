"""Lets no cache store what was authorised for one caller.

    send of a request -> send that adds Cache-Control: no-store to the head of its answer

A browser, or a proxy between, would give it to whoever asks next.  A route that states its own
rule for caches keeps it.

Source: access.md 5.1; RFC 9111 section 5.2.2.5.
"""

from collections.abc import Awaitable
from typing import Final

from starlette.types import Message, Send

_NAME: Final = b"cache-control"
_NO_STORE: Final = (_NAME, b"no-store")


def unstored(send: Send) -> Send:
    """Add the header field to the head of an answer that has none; names are in lower case."""

    def send_unstored(message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            fields = message["headers"]
            for name, _ in fields:
                if name == _NAME:
                    break
            else:
                message["headers"] = [*fields, _NO_STORE]
        return send(message)

    return send_unstored
