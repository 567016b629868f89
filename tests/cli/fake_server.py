"""A server of canned answers, and a way to run verbs against it.

{(method, path): answer} -> transport -> run(arguments) -> what was printed
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import httpx
from click.testing import CliRunner

from app.cli.application import client_verbs

Answer = httpx.Response | Mapping[str, object] | str | list["Answer"]
"""A list has one for each request, in their order; the last one stays."""
Answers = Mapping[tuple[str, str], Answer]


THE_NETWORK: Final = httpx.MockTransport(lambda _: httpx.Response(500))
"""In place of a server: verbs connect as they do outside tests."""


@dataclass
class FakeServer:
    """Answers requests by method and path, and records them."""

    answers: Answers = field(default_factory=dict[tuple[str, str], Answer])
    requests: list[httpx.Request] = field(default_factory=list[httpx.Request])

    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._answer)

    @property
    def last(self) -> httpx.Request:
        return self.requests[-1]

    @property
    def last_body(self) -> object:
        return json.loads(self.last.content)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.get((request.method, request.url.path))
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        match answer:
            case list():
                raise AssertionError("a list of lists")
            case None:
                return missing(request.url.path)
            case httpx.Response():
                return answer
            case str():
                return httpx.Response(200, text=answer)
            case _:
                return httpx.Response(200, json=answer)


@dataclass(frozen=True)
class Ended:
    """The result of a run of the command line."""

    code: int
    out: str
    err: str


def run(
    *arguments: str,
    server: FakeServer | httpx.AsyncBaseTransport | None = None,
    stdin: str = "",
    config: str = "/nowhere/config",
) -> Ended:
    """Run ``waypost`` with these arguments against a server; without one, connections fail."""
    transport = server.transport() if isinstance(server, FakeServer) else server
    result = CliRunner().invoke(
        client_verbs(),
        arguments,
        obj=None
        if transport is THE_NETWORK
        else transport or httpx.MockTransport(_refuse_connection),
        input=stdin,
        env={"WAYPOST_API": "", "WAYPOST_CONFIG": config, "COLUMNS": "100"},
        catch_exceptions=False,
    )
    return Ended(result.exit_code, result.stdout, result.stderr)


def refusal(
    code: int,
    reason: str,
    message: str,
    *causes: tuple[str, str],
    details: Mapping[str, object] | None = None,
) -> httpx.Response:
    """A Status; each cause is a field and a message."""
    listed = [{"reason": "FieldValueInvalid", "field": f, "message": m} for f, m in causes]
    status = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": code,
        "reason": reason,
        "message": message,
        "details": {**(details or {}), "causes": listed},
    }
    return httpx.Response(code, json=status)


def missing(path: str) -> httpx.Response:
    """The refusal for a path; below a collection, that of a missing object."""
    name = path.rpartition("/")[2]
    return refusal(404, "NotFound", f"nothing is at {path}", details={"name": name})


def stream(*events: Mapping[str, object]) -> httpx.Response:
    """A watch that gives these events and ends."""
    return httpx.Response(200, text="".join(f"{json.dumps(event)}\n" for event in events))


def in_turn(*answers: Callable[[httpx.Request], httpx.Response]) -> httpx.MockTransport:
    """Answer one request after the other."""
    left = iter(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        return next(left)(request)

    return httpx.MockTransport(answer)


def _refuse_connection(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("Connection refused", request=request)
