"""The AuthenticationConfiguration: read, refused with every violation, and read again."""

import json
from collections import Counter
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.credentials.claims import Issuer, Mapped, Rule
from app.api.credentials.configuration import (
    ANONYMOUS_PATHS,
    FILE_OCTETS_MAX,
    AuthenticationConfig,
    ConfigurationFile,
    read_configuration,
)
from app.domain.errors import BadRequest, CauseReason, DomainError, Invalid
from app.policy.client import Bounds, PolicyWorker
from tests.access_vectors import authn_cases
from tests.api.credentials.expressions import Computed
from tests.certificates import Authority

HEAD = {"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AuthenticationConfiguration"}
ISSUER = {"url": "https://issuer.example", "audiences": ["waypost"]}
USERNAME = {"username": {"claim": "sub", "prefix": ""}}
REQUIRED, DUPLICATE, INVALID = CauseReason.REQUIRED, CauseReason.DUPLICATE, CauseReason.INVALID


@pytest.fixture(scope="module")
async def worker() -> AsyncGenerator[PolicyWorker]:
    bounds = Bounds(evaluation_s=60, check_s=60, wait_s=60, start_s=60)
    async with PolicyWorker(bounds) as worker:
        yield worker


def jwt(
    issuer: dict[str, Any] | None = None,
    mappings: dict[str, Any] | None = None,
    rules: dict[str, Any] | None = None,
) -> dict[str, Any]:
    return {
        "issuer": {**ISSUER, **(issuer or {})},
        "claimMappings": {**USERNAME, **(mappings or {})},
        **(rules or {}),
    }


async def causes(
    document: object, expressions: PolicyWorker | None = None
) -> list[tuple[str, CauseReason]]:
    octets = json.dumps(document).encode()
    try:
        await read_configuration(octets, expressions or Computed({}))
    except Invalid as refusal:
        return [(cause.field, cause.reason) for cause in refusal.causes]
    return []


async def of_issuer(**fields: object) -> list[tuple[str, CauseReason]]:
    found = await causes({**HEAD, "jwt": [jwt(fields)]})
    return [(field.removeprefix("jwt[0].issuer."), reason) for field, reason in found]


async def of_mappings(worker: PolicyWorker, **fields: object) -> list[tuple[str, CauseReason]]:
    found = await causes({**HEAD, "jwt": [jwt(mappings=fields)]}, worker)
    return [(field.removeprefix("jwt[0].claimMappings."), reason) for field, reason in found]


async def of_rules(
    worker: PolicyWorker, name: str, *rules: object
) -> list[tuple[str, CauseReason]]:
    found = await causes({**HEAD, "jwt": [jwt(rules={name: rules})]}, worker)
    return [(field.removeprefix(f"jwt[0].{name}"), reason) for field, reason in found]


@pytest.mark.parametrize("case", authn_cases("config"))
async def test_config(case: dict[str, Any], worker: PolicyWorker) -> None:
    found = await causes(case["config"], worker)
    expected = [(each["field"], each["reason"]) for each in case["expect"].get("errors", [])]
    assert Counter(found) == Counter(expected)


async def test_everything_that_may_be_said_is_read(worker: PolicyWorker) -> None:
    authority = Authority.named("a").pem.decode()
    document = {
        **HEAD,
        "jwt": [
            {
                "issuer": {
                    **ISSUER,
                    "audiences": ["a", "b"],
                    "audienceMatchPolicy": "MatchAny",
                    "discoveryURL": "https://discovery.example/x",
                    "certificateAuthority": authority,
                    "jwksFile": "/etc/keys.json",
                },
                "claimMappings": {
                    "username": {"expression": "claims.sub"},
                    "groups": {"claim": "groups", "prefix": "p:"},
                    "uid": {"claim": "sub"},
                    "extra": [{"key": "example.org/team", "valueExpression": "claims.team"}],
                },
                "claimValidationRules": [
                    {"claim": "hd", "requiredValue": "example.org"},
                    {"expression": "claims.a == 1", "message": "a"},
                ],
                "userValidationRules": [{"expression": "user.username != ''"}],
            }
        ],
        "anonymous": {"enabled": True, "conditions": [{"path": "/livez"}]},
    }
    assert await read_configuration(json.dumps(document).encode(), worker) == AuthenticationConfig(
        issuers=(
            Issuer(
                url="https://issuer.example",
                audiences=frozenset({"a", "b"}),
                discovery_url="https://discovery.example/x",
                certificate_authority=authority,
                key_file="/etc/keys.json",
                username=Mapped(expression="claims.sub"),
                groups=Mapped(claim="groups", prefix="p:"),
                uid=Mapped(claim="sub"),
                extra={"example.org/team": "claims.team"},
                required_claims={"hd": "example.org"},
                claim_rules=(Rule(expression="claims.a == 1", message="a"),),
                user_rules=(Rule(expression="user.username != ''"),),
            ),
        ),
        anonymous_paths=frozenset({"/livez"}),
    )


@pytest.mark.parametrize(
    ("anonymous", "paths"),
    [
        (None, ANONYMOUS_PATHS),
        ({"enabled": False}, frozenset[str]()),
        ({}, frozenset[str]()),
        ({"enabled": True}, None),
        ({"enabled": True, "conditions": [{"path": "/a"}, {"path": "/b"}]}, {"/a", "/b"}),
    ],
)
async def test_the_file_replaces_the_paths_that_are_open(anonymous: object, paths: object) -> None:
    octets = json.dumps({**HEAD, "anonymous": anonymous}).encode()
    assert (await read_configuration(octets, Computed({}))).anonymous_paths == paths


async def test_yaml_and_the_older_version_are_read_alike() -> None:
    octets = b"apiVersion: apiserver.config.k8s.io/v1beta1\nkind: AuthenticationConfiguration\n"
    assert await read_configuration(octets, Computed({})) == AuthenticationConfig()


@pytest.mark.parametrize(
    ("head", "fields"),
    [
        ({"apiVersion": "apiserver.config.k8s.io/v2"}, ["apiVersion"]),
        ({"kind": "Configuration"}, ["kind"]),
        ({"apiVersion": None, "kind": None}, ["apiVersion", "kind"]),
    ],
)
async def test_other_kinds_are_refused(head: dict[str, Any], fields: list[str]) -> None:
    expected = [(field, CauseReason.NOT_SUPPORTED) for field in fields]
    assert await causes({**HEAD, **head}) == expected


@pytest.mark.parametrize("url", ["https://a.example", "HTTPS://a.example:8443/x", "https://[::1]"])
async def test_https_urls_are_issuers(url: str) -> None:
    assert await of_issuer(url=url) == []


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example",
        "a.example",
        "https://",
        "https:///x",
        "https://a:b",
        "https://a:99999",
        "https://[::1",
        "https://a.example/ x",
        "https://a.example\n",
        "https://u@a.example",
        "https://u:p@a.example",
        "https://@a.example",
        "https://a.example?x",
        "https://a.example#x",
        "file:///etc/passwd",
    ],
)
async def test_other_urls_are_none(url: str) -> None:
    assert set(await of_issuer(url=url)) == {("url", INVALID)}
    assert set(await of_issuer(discoveryURL=url)) == {("discoveryURL", INVALID)}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"url": ""}, [("url", REQUIRED)]),
        ({"url": None}, [("url", REQUIRED)]),
        ({"audiences": None}, [("audiences", REQUIRED)]),
        ({"audiences": []}, [("audiences", REQUIRED)]),
        ({"audiences": [""]}, [("audiences[0]", REQUIRED)]),
        (
            {"audiences": ["a", "a", "a"], "audienceMatchPolicy": "MatchAny"},
            [("audiences[1]", DUPLICATE), ("audiences[2]", DUPLICATE)],
        ),
        ({"audienceMatchPolicy": "MatchAny"}, []),
        ({"audienceMatchPolicy": "MatchAll"}, [("audienceMatchPolicy", INVALID)]),
        ({"discoveryURL": "https://issuer.example//"}, [("discoveryURL", INVALID)]),
        ({"discoveryURL": "https://issuer.example/x"}, []),
        ({"certificateAuthority": "PEM"}, [("certificateAuthority", INVALID)]),
        ({"nonsense": 1}, [("nonsense", INVALID)]),
        ({"url": 5}, [("url", CauseReason.TYPE_INVALID)]),
        ({"audiences": "a"}, [("audiences", CauseReason.TYPE_INVALID)]),
    ],
)
async def test_an_issuer(
    fields: dict[str, object], expected: list[tuple[str, CauseReason]]
) -> None:
    assert await of_issuer(**fields) == expected


async def test_no_url_is_given_twice() -> None:
    discovery = {"discoveryURL": "https://d.example"}
    document = {**HEAD, "jwt": [jwt(discovery), jwt({**discovery, "url": "https://b.example"})]}
    assert await causes(document) == [("jwt[1].issuer.discoveryURL", DUPLICATE)]
    document = {**HEAD, "jwt": [jwt(), jwt(), jwt()]}
    expected = [(f"jwt[{index}].issuer.url", DUPLICATE) for index in (1, 2)]
    assert await causes(document) == expected


async def test_there_are_at_most_64_issuers() -> None:
    many = [jwt({"url": f"https://{number}.example"}) for number in range(65)]
    assert await causes({**HEAD, "jwt": many[:64]}) == []
    assert await causes({**HEAD, "jwt": many}) == [("jwt", CauseReason.TOO_MANY)]


async def test_an_empty_issuer_lacks_what_it_needs() -> None:
    empty: dict[str, object] = {}
    assert Counter(await causes({**HEAD, "jwt": [empty]})) == Counter(
        [
            ("jwt[0].issuer.url", REQUIRED),
            ("jwt[0].issuer.audiences", REQUIRED),
            ("jwt[0].claimMappings.username", REQUIRED),
        ]
    )


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"username": {"claim": "a"}}, [("username.prefix", REQUIRED)]),
        ({"username": {"claim": "a", "prefix": ""}}, []),
        ({"username": {"expression": "claims.a", "prefix": ""}}, [("username.prefix", INVALID)]),
        ({"username": {"expression": "claims.a + 1"}}, []),
        ({"groups": {"claim": "a"}}, [("groups.prefix", REQUIRED)]),
        ({"groups": {"claim": "a", "prefix": "", "expression": "[]"}}, [("groups", INVALID)]),
        ({"groups": {"prefix": "x"}}, []),
        ({"groups": {"expression": "claims."}}, [("groups.expression", INVALID)]),
        ({"groups": {"expression": "user.groups"}}, [("groups.expression", INVALID)]),
        ({"uid": {"claim": "a"}}, []),
        ({"uid": {"claim": "a", "expression": "'a'"}}, [("uid", INVALID)]),
        ({"uid": {"expression": "("}}, [("uid.expression", INVALID)]),
        (
            {"username": {"expression": "claims.?email.orValue('')"}},
            [("username.expression", INVALID)],
        ),
        ({"username": {"expression": "claims['email']"}}, []),
        ({"username": {"expression": "claims.email_verified ? claims.email : ''"}}, []),
        (
            {
                "username": {"expression": "claims.email"},
                "extra": [{"key": "a.b/c", "valueExpression": "string(claims.email_verified)"}],
            },
            [],
        ),
        (
            {
                "username": {"expression": "claims.email"},
                "groups": {"expression": "[string(claims.email_verified)]"},
            },
            [("username.expression", INVALID)],
        ),
    ],
)
async def test_mappings(
    worker: PolicyWorker, fields: dict[str, object], expected: list[tuple[str, CauseReason]]
) -> None:
    assert await of_mappings(worker, **fields) == expected


async def test_a_rule_over_email_verified_is_enough_for_that_issuer_alone(
    worker: PolicyWorker,
) -> None:
    by_email = {"username": {"expression": "claims.email"}}
    rule = {"claimValidationRules": [{"expression": "claims.email_verified == true"}]}
    other = jwt({"url": "https://b.example"}, by_email)
    found = await causes({**HEAD, "jwt": [jwt(mappings=by_email, rules=rule), other]}, worker)
    assert found == [("jwt[1].claimMappings.username.expression", INVALID)]


@pytest.mark.parametrize(
    ("key", "reasons"),
    [
        ("example.org/team", []),
        ("example.org/a/b", []),
        ("", [REQUIRED]),
        ("team", [INVALID]),
        ("/team", [INVALID]),
        ("example.org/", [INVALID]),
        ("example.org/a b", [INVALID]),
        ("example.org/Team", [INVALID]),
        ("Example.org/team", [INVALID, INVALID]),
        ("k8s.io/a", [INVALID]),
        ("x.k8s.io/a", [INVALID]),
        ("x.kubernetes.io/a", [INVALID]),
        ("notk8s.io/a", []),
    ],
)
async def test_keys_of_extras(worker: PolicyWorker, key: str, reasons: list[CauseReason]) -> None:
    extra = [{"key": key, "valueExpression": "'x'"}]
    expected = [("extra[0].key", reason) for reason in reasons]
    assert await of_mappings(worker, extra=extra) == expected


async def test_an_extra_has_one_key_and_a_value(worker: PolicyWorker) -> None:
    extra = [{"key": "a.b/c"}, {"key": "a.b/c", "valueExpression": "'x'"}]
    expected = [("extra[0].valueExpression", REQUIRED), ("extra[1].key", DUPLICATE)]
    assert await of_mappings(worker, extra=extra) == expected


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([{"claim": "a"}], []),
        ([{"claim": "a", "requiredValue": "b"}], []),
        ([{"claim": "a", "message": "m"}], [("[0].message", INVALID)]),
        ([{"claim": "a"}, {"claim": "a"}], [("[1].claim", DUPLICATE)]),
        ([{"claim": "a", "expression": "true"}], [("[0]", INVALID)]),
        ([{"message": "m"}], [("[0]", REQUIRED)]),
        ([{"expression": "true", "requiredValue": "b"}], [("[0].requiredValue", INVALID)]),
        ([{"expression": "true"}, {"expression": "true"}], [("[1].expression", DUPLICATE)]),
        ([{"expression": "claims.a"}], [("[0].expression", INVALID)]),
        ([{"expression": "1"}], [("[0].expression", INVALID)]),
        ([{"expression": "user.username == ''"}], [("[0].expression", INVALID)]),
    ],
)
async def test_claim_rules(
    worker: PolicyWorker, rules: list[object], expected: list[tuple[str, CauseReason]]
) -> None:
    assert await of_rules(worker, "claimValidationRules", *rules) == expected


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([{"expression": "'g' in user.groups", "message": "m"}], []),
        ([{"message": "m"}], [("[0].expression", REQUIRED)]),
        ([{"expression": "true"}, {"expression": "true"}], [("[1].expression", DUPLICATE)]),
        ([{"expression": "user.username"}], [("[0].expression", INVALID)]),
        ([{"expression": "user.name == ''"}], [("[0].expression", INVALID)]),
        ([{"expression": "claims.a == ''"}], [("[0].expression", INVALID)]),
    ],
)
async def test_user_rules(
    worker: PolicyWorker, rules: list[object], expected: list[tuple[str, CauseReason]]
) -> None:
    assert await of_rules(worker, "userValidationRules", *rules) == expected


async def test_where_there_are_no_expressions_each_is_refused_by_its_place() -> None:
    without = PolicyWorker(library="no_such_package")
    assert await of_mappings(without, uid={"expression": "'a'"}) == [("uid.expression", INVALID)]
    assert await of_mappings(without, uid={"claim": "a"}) == []


async def test_duplicate_and_unknown_fields_are_refused_at_any_depth() -> None:
    octets = json.dumps({**HEAD, "jwt": [jwt(mappings={"uid": {"claims": "x"}})]}).encode()
    octets = octets.replace(b'"kind"', b'"kind": "x", "kind"')
    with pytest.raises(Invalid) as refusal:
        await read_configuration(octets, Computed({}))
    assert [cause.field for cause in refusal.value.causes] == [
        "kind",
        "jwt[0].claimMappings.uid.claims",
    ]


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
async def test_any_octets_are_refused_in_words(octets: bytes) -> None:
    with pytest.raises(DomainError):
        await read_configuration(octets, Computed({}))


def written(path: Path, **document: object) -> None:
    path.write_text(json.dumps({**HEAD, **document}))


async def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "authentication.yaml"
    written(path)
    file = ConfigurationFile(path, Computed({}))
    assert await file.load() == AuthenticationConfig()
    assert await file.changed() is None
    written(path, jwt=[jwt()])
    found = await file.changed()
    assert found is not None
    assert [each.url for each in found.issuers] == [ISSUER["url"]]
    file.reject("its keys are missing")
    assert file.problem == "its keys are missing"
    assert await file.changed() == found, "it is given until it can be used"
    file.accept()
    assert await file.changed() is None
    assert file.problem == ""


@pytest.mark.parametrize("spoilt", [b"", b"{", b"kind: x", b" " * (FILE_OCTETS_MAX + 1), None])
async def test_a_file_that_becomes_wrong_is_kept_out_and_told(
    tmp_path: Path, spoilt: bytes | None
) -> None:
    path = tmp_path / "authentication.yaml"
    written(path)
    file = ConfigurationFile(path, Computed({}))
    await file.load()
    if spoilt is None:
        path.unlink()
    else:
        path.write_bytes(spoilt)
    assert await file.changed() is None
    assert await file.changed() is None
    assert file.problem
    assert file.reloads == {False: 2}, "it is wrong at every look"
    written(path)
    assert await file.changed() is None, "it is as it was"
    assert file.problem == ""
    written(path, jwt=[jwt()])
    assert await file.changed() is not None
    file.accept()
    assert file.reloads == {False: 2, True: 1}


async def test_a_file_that_is_wrong_at_first_raises(tmp_path: Path) -> None:
    file = ConfigurationFile(tmp_path / "authentication.yaml", Computed({}))
    with pytest.raises(OSError, match="No such file"):
        await file.load()
    (tmp_path / "authentication.yaml").write_bytes(b"")
    with pytest.raises(BadRequest):
        await file.load()
