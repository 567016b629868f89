"""The OpenAPI document: checked in as generated, whole, small, fit for generators of clients."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from app.api.document.answers import ANY_ROUTE
from app.api.document.text import LINE_CHARACTERS_MAX, document_text
from tests.declared import document, operations, refusals, resolved

CHECKED_IN = Path(__file__).parents[2] / "openapi.json"
BYTES_MAX = 300_000  # of the file as it is checked in; what is served has no indent
CLIENT_WORDS = re.compile(r"[A-Z][A-Za-z0-9]*[A-Za-z]")
GENERATED = re.compile(r"(Write|Read|Input|Output|Object|Inner|Dto)$|[0-9]$|__")

Schema = dict[str, Any]


def test_the_document_is_checked_in_as_generated() -> None:
    assert CHECKED_IN.read_text() == document_text(document()), (
        "the API has changed: run `make openapi` and review the difference"
    )


def test_the_document_is_small() -> None:
    assert CHECKED_IN.stat().st_size <= BYTES_MAX


def test_the_text_is_the_document_in_lines_that_can_be_read() -> None:
    text = document_text(document())
    assert json.loads(text) == document()
    lines = text.splitlines()
    joined = [line for line in lines if re.fullmatch(r'\s*("[^"]*": )?[\[{].*[\]}],?', line)]
    assert joined
    assert max(map(len, joined)) <= LINE_CHARACTERS_MAX


def test_operation_names_are_short_and_unique() -> None:
    names = [operation["operationId"] for _, operation in operations()]
    assert not [name for name, times in Counter(names).items() if times > 1]
    assert not [name for name in names if not re.fullmatch(r"[a-z][a-z0-9_]{2,39}", name)]


def test_operations_and_their_parameters_are_described() -> None:
    for name, operation in operations():
        assert operation["summary"], name
        assert operation["description"].endswith("."), name
        for parameter in map(resolved, operation.get("parameters", [])):
            assert parameter["description"].endswith("."), (name, parameter["name"])


def test_tags_are_those_of_the_operations() -> None:
    used = dict.fromkeys(tag for _, operation in operations() for tag in operation["tags"])
    assert {tag["name"] for tag in document()["tags"]} == set(used)
    assert all(tag["description"] for tag in document()["tags"])


def test_tags_are_what_classes_and_modules_are_named_after() -> None:
    tags = {tag["name"] for tag in document()["tags"]}
    assert not [tag for tag in tags if not re.fullmatch(r"[a-z]+([A-Z][a-z]+)*", tag)]
    assert not tags & {operation["operationId"] for _, operation in operations()}


def test_every_field_has_words_of_its_own_or_of_its_type() -> None:
    for name, schema in document()["components"]["schemas"].items():
        for field, each in schema.get("properties", {}).items():
            has_words = "const" in each or resolved(each).get("description")
            assert has_words or each.get("description"), (name, field)


def test_a_parameter_and_its_schema_have_the_same_words() -> None:
    for name, operation in operations():
        for parameter in map(resolved, operation.get("parameters", [])):
            schema = parameter["schema"]
            if "$ref" not in schema:
                assert schema["description"] == parameter["description"], name


@pytest.mark.parametrize("part", ["schemas", "responses", "parameters", "headers"])
def test_everything_that_is_referred_to_is_there_and_nothing_else(part: str) -> None:
    known = set(document()["components"][part])
    named = set(re.findall(rf'"#/components/{part}/([^"]+)"', json.dumps(document())))
    assert named == known


def test_every_refusal_is_the_default_answer_which_is_a_status() -> None:
    for name, operation in operations():
        refused = [code for code in operation["responses"] if not code.startswith(("2", "3"))]
        assert refused == ["default"], name
        content = resolved(operation["responses"]["default"])["content"]["application/json"]
        assert content["schema"] == {"$ref": "#/components/schemas/Status"}


def test_an_operation_names_its_own_refusals() -> None:
    found = {
        operation["operationId"]: refusals(operation) - ANY_ROUTE for _, operation in operations()
    }
    assert found["read_service"] == {404, 412}
    assert found["list_services"] == {410, 422}
    assert found["replace_service"] == {404, 409, 412, 422}
    assert found["whoami"] == set()


def test_the_default_answer_describes_every_status_that_it_stands_for() -> None:
    words = resolved({"$ref": "#/components/responses/Refusal"})["description"]
    for _, operation in operations():
        assert all(f"* {int(status)}: `" in words for status in refusals(operation))
    assert {400, 401, 403, 408, 414, 415, 421, 429, 431} <= ANY_ROUTE


def test_credentials_are_a_token_or_none() -> None:
    assert document()["components"]["securitySchemes"]["bearerToken"]["scheme"] == "bearer"
    assert document()["security"] == [{"bearerToken": []}, {}]


def test_bodies_and_answers_name_their_shape() -> None:
    for name, operation in operations():
        contents = [
            operation.get("requestBody", {}),
            *map(resolved, operation["responses"].values()),
        ]
        for media, content in (
            each for part in contents for each in part.get("content", {}).items()
        ):
            assert media.startswith("text/") or set(content["schema"]) == {"$ref"}, name


def schemas() -> Iterator[tuple[str, Schema]]:
    """Every schema, and every part of it, under the name of the component."""
    for name, schema in document()["components"]["schemas"].items():
        yield from ((name, part) for part in parts(schema))


def parts(part: object) -> Iterator[Schema]:
    if isinstance(part, list):
        for each in cast("list[object]", part):
            yield from parts(each)
    elif isinstance(part, dict):
        schema = cast("Schema", part)
        yield schema
        for name, each in schema.items():
            if name not in ("examples", "mapping"):
                yield from parts(each)


def test_names_are_words_of_the_domain() -> None:
    names = document()["components"]["schemas"]
    assert not [name for name in names if not CLIENT_WORDS.fullmatch(name)]
    assert [name for name in names if GENERATED.search(name)] == ["AppliedObject", "WatchedObject"]


def test_no_name_is_what_a_generator_makes_of_others() -> None:
    components = document()["components"]
    names = set(components["schemas"])
    assert not names & {*components["responses"], *components["parameters"]}
    made = {f"{pascal(each['operationId'])}Operation" for _, each in operations()}
    for name, schema in components["schemas"].items():
        fields = schema.get("properties", {})
        made |= {f"{name}{pascal(field)}" for field, each in fields.items() if "const" in each}
    assert not names & made
    itself = {name for name in names if own_field(name) in fields_of(name)}
    assert itself == {"ContainerPort", "Status"}, "Kubernetes calls them so"


def own_field(name: str) -> str:
    return name[0].lower() + name[1:]


def fields_of(name: str) -> set[str]:
    return set(document()["components"]["schemas"][name].get("properties", {}))


def pascal(name: str) -> str:
    return "".join(word[0].upper() + word[1:] for word in name.split("_"))


def test_no_text_ends_a_comment_of_generated_code() -> None:
    assert "*/" not in json.dumps(document())


def test_every_vocabulary_has_a_name() -> None:
    for name, schema in schemas():
        if len(schema.get("enum", ())) > 1:
            assert schema is document()["components"]["schemas"][name], (name, schema)
    parameters = [each for _, operation in operations() for each in operation.get("parameters", [])]
    assert not [each for each in map(resolved, parameters) if "enum" in each["schema"]]


def test_a_default_is_only_what_a_manifest_always_says() -> None:
    for name, schema in schemas():
        default = schema.get("default")
        assert isinstance(default, dict | None) or default == schema.get("const"), name
    parameters = [each for _, operation in operations() for each in operation.get("parameters", [])]
    assert not [each for each in map(resolved, parameters) if "default" in each["schema"]]


def test_a_choice_is_told_apart_by_a_constant() -> None:
    for name, schema in schemas():
        assert "anyOf" not in schema or {"type": "null"} in schema["anyOf"], name
        if not isinstance(schema.get("oneOf"), list) or name == "IntOrString":
            continue
        field = schema["discriminator"]["propertyName"]
        for word, reference in schema["discriminator"]["mapping"].items():
            chosen = resolved({"$ref": reference})
            assert (chosen["properties"][field]["const"], field in chosen["required"]) == (
                word,
                True,
            )


def test_numbers_say_their_width_and_models_what_they_are() -> None:
    for name, schema in schemas():
        if schema.get("type") == "integer":
            assert schema["format"] in ("int32", "int64"), name
    named = document()["components"]["schemas"]
    assert [name for name, schema in named.items() if not schema.get("description")] == []
