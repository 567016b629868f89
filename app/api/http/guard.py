"""Checks before any route: requests for other hosts, and requests of other sites' pages.

    request -> 400 | 404 | 421 | 403,  or the application

A web page in a browser of this machine can reach a server on loopback.  A page whose name was
rebound to 127.0.0.1 sends its own name in ``Host``, and a write of another site's page says so
in ``Origin`` or ``Sec-Fetch-Site``.  Routes match the decoded path, so a path that differs in
meaning before decoding is refused.

Every request passes here, also health checks and requests answered without the framework.
Source: spec access 5.1 and 5.2; RFC 9112 sections 3.2 and 3.2.2; the Fetch Metadata draft.
"""

import re
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass, field
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.errors import ForeignPage, Misdirected, refused
from app.api.http.kept_answers import keep_if
from app.domain.errors import BadRequest, DomainError, NotFound
from app.schemas.authorities import Authority, HostNames, Origin, parse_authority, parse_origin

TARGET: Final = "waypost.target"  # key of a request's scope: the authority in its target
_READS: Final = frozenset({"GET", "HEAD"})
_WITHOUT_HOST: Final = frozenset({"0.9", "1.0"})  # HTTP versions that do not require it
_AMBIGUOUS: Final = re.compile(
    rb"//|\\|%(?:2f|5c|00)|/(?:\.|%2e){1,2}(?=/|\Z)",
    re.IGNORECASE,
)


@dataclass(slots=True, kw_only=True)
class Trusted:
    """Host names of this server, None for any, and other origins.

    The names are replaced when those of the certificate change.  Pages of ``origins`` may write;
    those of ``readers`` may also read answers.
    """

    hosts: HostNames | None = field(default_factory=HostNames)
    origins: frozenset[Origin] = frozenset()
    readers: frozenset[Origin] = frozenset()


class Guard:
    """Refuses requests for another server, and writes from pages of another origin."""

    def __init__(self, app: ASGIApp, *, trusted: Trusted) -> None:
        self._app = app
        self._trusted = trusted

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Pass a request on, or refuse it."""
        try:
            if scope["type"] == "http":
                self._require(scope)
        except DomainError as refusal:
            return refused(refusal)(scope, receive, send)
        return self._app(scope, receive, send)

    def _require(self, scope: Scope) -> None:
        authority, trusted = _authority_of(scope), self._trusted
        hosts = trusted.hosts
        keep_if(scope, lambda: trusted.hosts is hosts)
        if authority is not None and hosts is not None and not hosts.know(authority):
            raise Misdirected(
                f'this server is not known as "{authority.host}": call it by its IP address, '
                "or list that name in its setting WAYPOST_ALLOWED_HOSTS"
            )
        if scope["method"] not in _READS:
            self._require_own_page(scope, authority)
        for coding in _values(scope, b"transfer-encoding"):
            if coding.strip().lower() != b"chunked":
                raise BadRequest("the only supported Transfer-Encoding is chunked")
        if _AMBIGUOUS.search(scope.get("raw_path") or scope["path"].encode()):
            raise NotFound(
                "no path has //, a segment of dots, or an encoded slash, backslash or NUL"
            )

    def _require_own_page(self, scope: Scope, authority: Authority | None) -> None:
        """Refuse a page of another origin; clients other than browsers send no origin.

        A listed origin may be of another site.
        """
        own = None if authority is None else Origin.of(scope["scheme"], authority)
        listed = self._trusted.origins | self._trusted.readers
        origins = [parse_origin(value.decode("latin-1")) for value in _values(scope, b"origin")]
        if any(origin is None or (origin != own and origin not in listed) for origin in origins):
            raise ForeignPage(
                "the request comes from a page of another origin (header Origin): list that "
                "origin in the server's setting WAYPOST_ALLOWED_ORIGINS if it may write, or in "
                "WAYPOST_CORS_ORIGINS if it may also read answers"
            )
        sites = {value.strip().lower() for value in _values(scope, b"sec-fetch-site")}
        if b"cross-site" in sites and not (origins and listed.issuperset(origins)):
            raise ForeignPage("the request comes from a page of another site (Sec-Fetch-Site)")


def _authority_of(scope: Scope) -> Authority | None:
    """Find the host that a request is sent to; None where HTTP/1.0 gives none.

    Raises BadRequest for no Host field or several, for an invalid one, and for a target whose
    authority differs from it (RFC 9112 section 3.2.2).
    """
    hosts = tuple(_values(scope, b"host"))
    target: bytes | None = scope.get(TARGET)
    if len(hosts) > 1:
        raise BadRequest("the request has several Host header fields")
    if not hosts and scope["http_version"] not in _WITHOUT_HOST:
        raise BadRequest("the request has no Host header field")
    named = [_authority(text) for text in (*hosts, *(() if target is None else (target,)))]
    if len({(each.host, each.port_within(scope["scheme"])) for each in named}) > 1:
        raise BadRequest("the target of the request names another host than its Host header field")
    return named[0] if named else None


def _authority(octets: bytes) -> Authority:
    authority = parse_authority(octets)
    if authority is None or not authority.host:
        raise BadRequest("the request names an invalid host (Host header field or target)")
    return authority


def _values(scope: Scope, name: bytes) -> Iterator[bytes]:
    return (value for named, value in scope["headers"] if named == name)
