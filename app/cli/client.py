"""The registry over HTTP, as the verbs see it: ask, and get JSON or an exception.

    method, path, parameters -> document | text | lines,  or an error of app.client.errors

No verb sees httpx or a status code.  Answers are read by ``app.client``, within
bounds, in an event loop that lasts for one question.
Source: contract.md, "Errors".
"""

import asyncio
import json
import re
from collections.abc import Generator, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace
from ipaddress import ip_address
from typing import Final, cast

import httpx

from app.cli.fields import Json, mapping, text
from app.cli.output import print_warning
from app.client.bounded_reading import (
    BOUNDS,
    Answer,
    Bounds,
    LineStream,
    NotAStream,
    no_cookies,
    read_answer,
)
from app.client.errors import (
    InvalidURL,
    Refused,
    RegistryError,
    RegistryMisbehaved,
    RegistryUnreachable,
)
from app.client.foreign_text import shown
from app.client.json_reading import parse_json

API_DEFAULT = "http://127.0.0.1:8053"
# Silence is longer than the server's own bound on waiting for a revision.
CLI_BOUNDS: Final = replace(BOUNDS, silence_s_max=60.0)
EVENT_VALUES_MAX: Final = 1_000_000  # of one line of a watch, which holds one object

_WARNING = re.compile(r'299 - "((?:[^"\\]|\\.)*)"')
_QUOTED_PAIR = re.compile(r"\\(.)")
_SHOWN_OCTETS_MAX: Final = 500  # of what is no Status, or of one warning

Parameters = Mapping[str, str | bool | int | None]


class Api:
    """One server, by its URL; ``transport`` replaces the network in tests."""

    def __init__(
        self,
        url: str,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        bounds: Bounds = CLI_BOUNDS,
    ) -> None:
        self.url = url.rstrip("/")
        try:
            self._base = httpx.URL(self.url)
        except httpx.InvalidURL as error:
            raise InvalidURL(f"{url} is not a URL: {error}") from None
        if self._base.scheme not in ("http", "https") or not self._base.host:
            raise InvalidURL(f"{url} is not an address such as {API_DEFAULT}")
        self._transport = transport
        self._bounds = bounds

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
            answer = asyncio.run(
                self._answer(method, path, query=query, content=content, headers=headers)
            )
            _require_success(answer)
            document = parse_json(answer.body, values_max=self._bounds.answer_values_max)
            if not isinstance(document, Mapping):
                raise RegistryMisbehaved("what it sends is no JSON object")
        return cast("Json", document), tuple(_warnings(answer))

    def read_text(self, path: str, *, query: Parameters | None = None) -> str:
        """Get a plain text."""
        with self._reaching():
            answer = asyncio.run(self._answer("GET", path, query=query))
            _require_success(answer)
            try:
                return answer.body.decode()
            except UnicodeDecodeError:
                raise RegistryMisbehaved("the text it sends is not written in UTF-8") from None

    def follow(self, path: str, *, query: Parameters | None = None) -> Iterator[Json]:
        """Yield the documents of a stream, one a line, until the server ends it."""
        headers = {"Accept": "application/x-ndjson"}
        with asyncio.Runner() as runner, self._reaching():
            open_ones = AsyncExitStack()
            http = self._http()
            request = http.build_request("GET", path, params=_written(query), headers=headers)
            try:
                runner.run(open_ones.enter_async_context(http))
                stream = runner.run(
                    open_ones.enter_async_context(LineStream(http, request, self._bounds))
                )
                while lines := runner.run(stream.next_lines()):
                    for line in lines:
                        document = parse_json(line, values_max=EVENT_VALUES_MAX)
                        if not isinstance(document, Mapping):
                            raise RegistryMisbehaved("its stream has a line that is no JSON object")
                        yield cast("Json", document)
            except NotAStream as refusal:
                _require_success(refusal.answer)
            finally:
                runner.run(open_ones.aclose())

    def _http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=self._base,
            transport=self._transport,
            cookies=no_cookies(),
            # A proxy for the outside world does not know this machine's loopback address.
            trust_env=not _is_loopback(self._base.host),
        )

    async def _answer(
        self,
        method: str,
        path: str,
        *,
        query: Parameters | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        async with self._http() as http:
            request = http.build_request(
                method, path, params=_written(query), content=content, headers=headers
            )
            return await read_answer(http, request, self._bounds)

    @contextmanager
    def _reaching(self) -> Generator[None]:
        try:
            yield
        except (RegistryUnreachable, RegistryMisbehaved) as error:
            if error.url:
                raise
            raise type(error)(error.problem, url=self.url) from error


def words_of(error: RegistryError) -> str:
    """Say to the user of a command why there is no answer, and what to do."""
    match error:
        case RegistryUnreachable():
            return (
                f"no server answers at {error.url} ({error.problem}): "
                "start one with `waypost serve`, or name another with --api"
            )
        case RegistryMisbehaved():
            return f"what answers at {error.url} does not speak as Waypost does: {error.problem}"
        case _:
            return str(error)


def _require_success(answer: Answer) -> None:
    """Raise Refused for what a server says no to, RegistryMisbehaved for what none of ours says."""
    if answer.is_success:
        return
    code = answer.status_code
    try:
        status = parse_json(answer.body, values_max=EVENT_VALUES_MAX)
    except RegistryMisbehaved:
        status = None
    if text(status, "kind") != "Status":
        said = shown(answer.body[:_SHOWN_OCTETS_MAX].decode(errors="replace"), _SHOWN_OCTETS_MAX)
        raise RegistryMisbehaved(
            f"it answers {code}: {said or httpx.codes.get_reason_phrase(code)}"
        )
    raise Refused(mapping(status), code=code, warnings=tuple(_warnings(answer)))


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


def _warnings(answer: Answer) -> Iterator[str]:
    for header in answer.headers.get_list("warning"):
        for found in _WARNING.findall(header):
            yield shown(_QUOTED_PAIR.sub(r"\1", found), _SHOWN_OCTETS_MAX)
