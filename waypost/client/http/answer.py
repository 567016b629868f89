"""A whole answer, its bounds, and its content as octets arrive; without input or output.

    headers -> Content; octets -> pieces, decompressed        -> Answer

The server may be another one, or hostile: only gzip is accepted, and octets and values are
counted before they are kept.  Source: RFC 9110, section 8.4, for content codings.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Protocol

from waypost.client.errors import Misbehaved, shown
from waypost.client.http.decoding import Gunzip, values_in

_MEBIBYTE: Final = 1024 * 1024
_WEB_PAGES: Final = frozenset({"text/html", "application/xhtml+xml"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The bounds of one answer, or of one line of a stream.

    The rules of a node for 10,000 Services with 100,000 endpoints are some 30 MB, a list
    of as many Pods some 150 MB; a line has one object.
    """

    answer_octets_max: int = 256 * _MEBIBYTE
    """Decompressed."""
    answer_values_max: int = 16_000_000
    line_octets_max: int = 16 * _MEBIBYTE
    connect_s_max: float = 5.0
    silence_s_max: float = 30.0
    """Between any two reads of a whole answer."""
    answer_s_max: float = 120.0
    """From the request to the end of a whole answer."""
    line_s_max: float = 45.0
    """From the request, or one line of a stream, to the end of the next line."""


BOUNDS = Bounds()


class Headers(Protocol):
    """The header fields of an answer, by names in any case."""

    def get(self, key: str, default: str) -> str:
        """Give the value of a field, with all its lines."""
        ...

    def get_list(self, key: str) -> list[str]:
        """Give the lines of a field."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer with its decompressed body."""

    status_code: int
    headers: Headers
    body: bytes

    @property
    def is_success(self) -> bool:
        """Whether the status is one of 200 to 299."""
        return is_success(self.status_code)


def is_success(status_code: int) -> bool:
    """Whether a status is one of 200 to 299."""
    return HTTPStatus.OK <= status_code < HTTPStatus.MULTIPLE_CHOICES


class Content:
    """The content of one answer, of which the octets are given as they arrive."""

    def __init__(self, status_code: int, headers: Headers) -> None:
        """Raise Misbehaved for a coding that was not asked for, or a web page as a success."""
        self.status_code, self.headers = status_code, headers
        self.gunzip = _gunzip_of(headers)
        if is_success(status_code):
            _require_no_web_page(headers)
        self._body, self._values = bytearray(), 0

    def pieces(self, octets: bytes) -> Iterator[bytes]:
        """Yield the decompressed octets; raises Misbehaved."""
        if self.gunzip is None:
            yield octets
        else:
            yield from self.gunzip.expand(octets)

    def end(self) -> None:
        """Check that nothing is missing; raises Misbehaved."""
        if self.gunzip is not None:
            self.gunzip.end()

    def keep(self, piece: bytes, bounds: Bounds) -> None:
        """Add a decompressed piece to the body; raises Misbehaved for too large a body."""
        self._body += piece
        self._values += values_in(piece)
        if len(self._body) > bounds.answer_octets_max:
            raise Misbehaved(f"its answer has more than {bounds.answer_octets_max} bytes")
        if self._values > bounds.answer_values_max:
            raise Misbehaved(f"its answer has more than {bounds.answer_values_max} values")

    def answer(self) -> Answer:
        """Make the answer of what was kept."""
        return Answer(self.status_code, self.headers, bytes(self._body))


def _gunzip_of(headers: Headers) -> Gunzip | None:
    coding = headers.get("content-encoding", "").strip().lower()
    if coding in ("", "identity"):
        return None
    if coding in ("gzip", "x-gzip"):
        return Gunzip()
    raise Misbehaved(f"it compresses with {shown(coding)}, which it was not asked for")


def _require_no_web_page(headers: Headers) -> None:
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type in _WEB_PAGES:
        raise Misbehaved(
            f"it answers with a web page ({media_type}), as the login of a proxy or another "
            "server does; is this the URL of a Waypost API?"
        )
