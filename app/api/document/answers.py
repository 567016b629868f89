"""The answers of the document: each refusal stands there once, by its status.

    statuses that a route declares -> references;  all others -> the default answer

Source: contract.md, "Errors".
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

from app.api.document.declared import DESCRIPTIONS, JSON, UNSAID, Answered, reference
from app.api.errors import REFUSAL, STATUSES, ForeignPage, Unauthenticated, described
from app.domain.errors import BadRequest, DomainError, Forbidden
from app.schemas.status import Status

Answer = dict[str, Any]

DEFAULT: Final = "Refusal"
_NOT_MODIFIED: Final = "NotModified"
ANY_ROUTE: Final = (BadRequest, Unauthenticated, Forbidden)
"""What is declared of every operation, besides what its route declares."""
REST: Final = frozenset(
    {
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
"""Statuses that the default answer stands for: of the transport, and those to be retried."""
_FOREIGN = "HTTPValidationError"  # the framework's answer to invalid parameters, which is 400 here


def share_answers(document: dict[str, Any]) -> None:
    """Refer to the refusals of every operation, and to successes that several operations have."""
    schemas = document["components"]["schemas"]
    for operation in _operations(document):
        answers: dict[str, Answer] = operation["responses"]
        said = {code: answer for code, answer in answers.items() if not _is_refusal(answer)}
        refused = {
            int(code) for code in answers.keys() - said.keys() if _FOREIGN not in str(answers[code])
        }
        refused |= {STATUSES[kind].value for kind in ANY_ROUTE}
        operation["responses"] = {
            **{code: _described(answer, schemas) for code, answer in sorted(said.items())},
            **{str(code): reference("responses", _NAMES[code]) for code in sorted(refused - REST)},
            "default": reference("responses", DEFAULT),
        }
        operation["responses"] = operation.pop("responses")  # after the body of the request
    shared = _share_successes(document)
    document["components"]["responses"] = {**shared, **_refusals()}
    document["components"]["headers"] = {
        header.value: {"description": DESCRIPTIONS[header], "schema": _header_schema(header)}
        for header in Answered
    }


def _is_refusal(answer: Answer) -> bool:
    return answer.get("description") == REFUSAL or _FOREIGN in str(answer)


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
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for operation in _operations(document):
        for answer in operation["responses"].values():
            if name := _success_name(answer):
                counts[name][json.dumps(answer)] += 1
    common = {name: texts.most_common(1)[0] for name, texts in sorted(counts.items())}
    shared = {name: text for name, (text, count) in common.items() if count > 1}
    for operation in _operations(document):
        for code, answer in operation["responses"].items():
            if (name := _success_name(answer)) and shared.get(name) == json.dumps(answer):
                operation["responses"][code] = reference("responses", name)
    return {name: json.loads(text) for name, text in shared.items()}


def _success_name(answer: Answer) -> str:
    if "$ref" in answer:
        return ""
    return _schema_name(answer) or ("" if "content" in answer else _NOT_MODIFIED)


def _refusals() -> dict[str, Answer]:
    """Describe the refusals by status, and all those that need no entry of their own together."""
    shared = {
        name: _refusal(" ".join(map(described, _KINDS[status])), _headers(status))
        for status, name in _NAMES.items()
        if status not in REST
    }
    rest = " ".join(
        f"{status}: {' '.join(map(described, _KINDS[status]))}" for status in sorted(REST)
    )
    every = f"Any other refusal. {rest} 500: `InternalError`: An unexpected failure."
    return {**shared, DEFAULT: _refusal(every, (Answered.RETRY_AFTER,))}


def _refusal(description: str, headers: Iterable[Answered]) -> Answer:
    shown = {each.value: reference("headers", each.value) for each in headers}
    content = {JSON: {"schema": reference("schemas", Status.__name__)}}
    described_answer: Answer = {"description": description}
    return {**described_answer, **({"headers": shown} if shown else {}), "content": content}


def _headers(status: int) -> tuple[Answered, ...]:
    return (Answered.CHALLENGE,) if status == HTTPStatus.UNAUTHORIZED else ()


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


def _name_of(status: int, kinds: Iterable[type[DomainError]]) -> str:
    """Name a refusal by the words of HTTP where one of its reasons has these, else by a reason."""
    reasons = [kind.reason for kind in kinds]
    words = HTTPStatus(status).phrase.title().replace(" ", "")
    return words if words in reasons else reasons[0]


_KINDS: Final = _by_status()
_NAMES: Final = {status: _name_of(status, kinds) for status, kinds in _KINDS.items()}
