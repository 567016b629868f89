"""The answers of the document: one for all refusals, and one for each kind of success.

    statuses that a route declares -> words, and the default answer

Source: contract.md, "Errors".
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from app.api.document.declared import DESCRIPTIONS, JSON, UNSAID, Answered, reference
from app.api.document.schemas import plain
from app.api.document.sharing import Shared
from app.api.errors import REFUSAL, STATUSES, ForeignPage, described
from app.domain.errors import DomainError
from app.schemas.status import Status

Answer = dict[str, Any]

DEFAULT: Final = "Refusal"
_NOT_MODIFIED: Final = "NotModified"
ANY_ROUTE: Final = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.METHOD_NOT_ALLOWED,
        HTTPStatus.NOT_ACCEPTABLE,
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.REQUEST_URI_TOO_LONG,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.MISDIRECTED_REQUEST,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
"""Refusals that any request may get; the others are named by the operations that give them."""
REFUSED: Final = "Refused with"
_REFUSED_WHOLLY: Final = (
    "A refusal, with all causes at once; nothing is left half written. By its status:"
)
_FOREIGN = "HTTPValidationError"  # the framework's answer to invalid parameters, which is 400 here
_ANSWER: Final = "Answer"  # ends the names of components, which no schema may have


def share_answers(document: dict[str, Any]) -> None:
    """Refer to one answer for all refusals, and to successes that several operations have.

    An operation says in its description which refusals it has of its own.
    """
    schemas = document["components"]["schemas"]
    for operation in _operations(document):
        answers: dict[str, Answer] = operation.pop("responses")
        refused = {code for code, answer in answers.items() if _is_refusal(answer)}
        own = sorted(code for code in refused if _is_own(code, answers[code]))
        if own:
            operation["description"] += f" {REFUSED} {_listed(own)}."
        operation["responses"] = {
            **{
                code: _described(answer, schemas)
                for code, answer in sorted(answers.items())
                if code not in refused
            },
            "default": reference("responses", DEFAULT),
        }
    shared = _share_successes(document)
    document["components"]["responses"] = {**shared, DEFAULT: _refusal()}
    document["components"]["headers"] = {
        header.value: {"description": DESCRIPTIONS[header], "schema": _header_schema(header)}
        for header in Answered
    }


def _is_refusal(answer: Answer) -> bool:
    return answer.get("description") == REFUSAL or _FOREIGN in str(answer)


def _is_own(code: str, answer: Answer) -> bool:
    return int(code) not in ANY_ROUTE and _FOREIGN not in str(answer)


def _listed(words: Sequence[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in document["paths"].values():
        yield from methods.values()


def _described(answer: Answer, schemas: Mapping[str, Any]) -> Answer:
    """Describe an answer by its schema, where the route has no words of its own."""
    description = answer["description"]
    name = _schema_name(answer)
    if description == UNSAID and name:
        description = schemas[name]["description"]
    order = ("headers", "content")
    return {"description": description} | {part: answer[part] for part in order if part in answer}


def _schema_name(answer: Answer) -> str:
    """Give the name of the schema of an answer in JSON; empty when it has none."""
    schema = answer.get("content", {}).get(JSON, {}).get("schema", {})
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _share_successes(document: dict[str, Any]) -> dict[str, Answer]:
    every = [operation["responses"] for operation in _operations(document)]
    named = [(_success_name(answer), answer) for answers in every for answer in answers.values()]
    shared = Shared((name, answer) for name, answer in named if name)
    for answers in every:
        for code, answer in answers.items():
            if shared.has(name := _success_name(answer), answer):
                answers[code] = reference("responses", name)
    return dict(sorted(shared.components().items()))


def _success_name(answer: Answer) -> str:
    """Name the component of a successful answer; empty when it can have none."""
    if "$ref" in answer:
        return ""
    if "content" not in answer:
        return _NOT_MODIFIED
    name = _schema_name(answer)
    return f"{name}{_ANSWER}" if name else ""


def _refusal() -> Answer:
    """Describe the answer to all refusals, with what each status means."""
    words = {status: " ".join(map(described, kinds)) for status, kinds in _by_status().items()}
    words[HTTPStatus.INTERNAL_SERVER_ERROR] = "`InternalError`: An unexpected failure."
    lines = [f"* {status}: {words[status]}" for status in sorted(words)]
    headers = (Answered.RETRY_AFTER, Answered.CHALLENGE)
    return {
        "description": "\n".join([_REFUSED_WHOLLY, "", *map(plain, lines)]),
        "headers": {each.value: reference("headers", each.value) for each in headers},
        "content": {JSON: {"schema": reference("schemas", Status.__name__)}},
    }


def _header_schema(header: Answered) -> dict[str, str]:
    if header is Answered.RETRY_AFTER:
        return {"type": "integer", "format": "int32"}
    return {"type": "string"}


def _by_status() -> dict[int, list[type[DomainError]]]:
    kinds: defaultdict[int, list[type[DomainError]]] = defaultdict(list)
    for kind, status in STATUSES.items():
        if kind.reason not in {each.reason for each in kinds[status]} or kind is ForeignPage:
            kinds[status].append(kind)
    return dict(kinds)
