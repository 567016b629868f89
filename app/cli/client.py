"""The registry over HTTP, as the verbs see it: ask, and get JSON or an exception.

    method, path, parameters -> document | text | lines,  or Refused | Unreachable

No verb sees httpx or a status code.  Source: contract.md, "Errors".
"""

import json
import re
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from ipaddress import ip_address
from typing import cast

import httpx

from app.cli.fields import Json, mapping, text
from app.cli.output import print_warning

API_DEFAULT = "http://127.0.0.1:8053"
CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 60.0  # longer than the server's own bound on waiting for a revision
SILENCE_MAX_S = 45.0  # a watch says something every 15 s at least

_WARNING = re.compile(r'299 - "((?:[^"\\]|\\.)*)"')
_QUOTED_PAIR = re.compile(r"\\(.)")
_MESSAGE_CHARACTERS_MAX = 500

Parameters = Mapping[str, str | bool | int | None]


class Unreachable(Exception):
    """Nothing answers at the address, or what answers is not Waypost."""


class Refused(Exception):
    """The server said no; ``status`` is the Status it sent, ``warnings`` what it found odd."""

    def __init__(self, status: Json, warnings: tuple[str, ...] = ()) -> None:
        super().__init__(text(status, "message"))
        self.status = status
        self.warnings = warnings

    @property
    def reason(self) -> str:
        """The stable word for why."""
        return text(self.status, "reason")


class Api:
    """One server, by its URL; ``transport`` replaces the network in tests."""

    def __init__(self, url: str, *, transport: httpx.BaseTransport | None = None) -> None:
        self.url = url.rstrip("/")
        try:
            base = httpx.URL(self.url)
        except httpx.InvalidURL as error:
            raise Unreachable(f"{url} is not a URL: {error}") from None
        if base.scheme not in ("http", "https") or not base.host:
            raise Unreachable(f"{url} is not an address such as {API_DEFAULT}")
        self._http = httpx.Client(
            base_url=base,
            transport=transport,
            timeout=httpx.Timeout(ANSWER_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
            # A proxy for the outside world does not know this machine's loopback address.
            trust_env=not _is_loopback(base.host),
        )

    def ask(
        self, method: str, path: str, *, query: Parameters | None = None, body: object = None
    ) -> Json:
        """Send a request and read the JSON document of its answer; warnings are printed."""
        try:
            document, warnings = self.ask_with_warnings(method, path, query=query, body=body)
        except Refused as refusal:
            for warning in refusal.warnings:
                print_warning(warning)
            raise
        for warning in warnings:
            print_warning(warning)
        return document

    def ask_with_warnings(
        self, method: str, path: str, *, query: Parameters | None = None, body: object = None
    ) -> tuple[Json, tuple[str, ...]]:
        """Send a request; read the JSON document of its answer, and what it warns of."""
        content = None if body is None else json.dumps(body).encode()
        headers = {"Accept": "application/json"}
        if content is not None:
            headers["Content-Type"] = "application/json"
        with self._reaching():
            answer = self._http.request(
                method, path, params=_written(query), content=content, headers=headers
            )
        self._require_success(answer)
        document = self._decoded(answer.text)
        if not isinstance(document, Mapping):
            raise self._not_waypost()
        return cast("Json", document), tuple(_warnings(answer))

    def read_text(self, path: str, *, query: Parameters | None = None) -> str:
        """Get a plain text."""
        with self._reaching():
            answer = self._http.get(path, params=_written(query))
        self._require_success(answer)
        return answer.text

    def follow(self, path: str, *, query: Parameters | None = None) -> Iterator[Json]:
        """Yield the documents of a stream, one a line, until the server ends it."""
        timeout = httpx.Timeout(SILENCE_MAX_S, connect=CONNECT_TIMEOUT_S)
        headers = {"Accept": "application/x-ndjson"}
        with (
            self._reaching(),
            self._http.stream(
                "GET", path, params=_written(query), timeout=timeout, headers=headers
            ) as answer,
        ):
            if not answer.is_success:
                answer.read()
            self._require_success(answer)
            for line in _lines(answer.iter_bytes()):
                if line.strip():
                    yield mapping(self._decoded(line))

    @contextmanager
    def _reaching(self) -> Generator[None]:
        try:
            yield
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise Unreachable(
                f"no server answers at {self.url} ({reason}): "
                "start one with `waypost serve`, or name another with --api"
            ) from None

    def _require_success(self, answer: httpx.Response) -> None:
        if answer.is_success:
            return
        try:
            status: object = json.loads(answer.text)
        except ValueError:
            status = None
        if text(status, "kind") != "Status":
            shown = " ".join(answer.text.split())[:_MESSAGE_CHARACTERS_MAX]
            message = f"{self.url} answered {answer.status_code}: {shown or answer.reason_phrase}"
            status = {"code": answer.status_code, "reason": "Unknown", "message": message}
        raise Refused(mapping(status), tuple(_warnings(answer)))

    def _decoded(self, body: str | bytes) -> object:
        try:
            return json.loads(body)
        except ValueError:
            raise self._not_waypost() from None

    def _not_waypost(self) -> Unreachable:
        return Unreachable(f"what answers at {self.url} does not speak as Waypost does")


def _lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Split at line feeds alone: httpx would also end a line at a U+2028 inside a string."""
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines
    yield rest


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _written(query: Parameters | None) -> dict[str, str]:
    """Spell parameters, leaving out those that say nothing."""
    return {
        name: "true" if value is True else str(value)
        for name, value in (query or {}).items()
        if value is not None and value is not False and value != ""
    }


def _warnings(answer: httpx.Response) -> Iterator[str]:
    for header in answer.headers.get_list("warning"):
        for found in _WARNING.findall(header):
            yield _QUOTED_PAIR.sub(r"\1", found)
