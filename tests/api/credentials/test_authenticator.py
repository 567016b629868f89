"""Who asks: the order of all ways, and what is answered when none succeeds."""

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.credentials.authenticator import Authenticator, Presented, Trust
from app.api.credentials.authorization import challenge_of
from app.api.credentials.configuration import ANONYMOUS_PATHS
from app.api.credentials.failures import FAILURES_MAX, FailureLimit, SignatureLimit
from app.api.credentials.issuers import IssuerKeys, Issuers
from app.api.credentials.outcomes import (
    Authenticated,
    Failure,
    Malformed,
    Method,
    NoCredentials,
    Outcome,
    Refused,
    TooMany,
)
from app.api.credentials.tokens import mint
from app.domain.access.subjects import ANONYMOUS, User
from app.domain.access.tokens import ParsedToken, StoredToken, TokenKind, digest_of, parse_token
from app.domain.addresses import Address
from tests.access_vectors import authn_cases
from tests.api.credentials.expressions import Computed
from tests.api.credentials.signing import claims, jwk_of, key_for, key_set, signed
from tests.api.credentials.test_certificates import CLIENTS, NOW, PROXIES
from tests.api.credentials.test_claims import PLAIN
from tests.api.credentials.test_issuers import Held
from tests.api.credentials.test_proxy import READER, TRUSTED, fields

PEER, PROXY = ip_address("192.0.2.7"), ip_address("10.9.0.4")
FRONT = PROXIES.client("front").der
ALICE = CLIENTS.client("alice", "dev").der
TOKEN = mint(TokenKind.USER)
AT = NOW.timestamp()


async def test_why_credentials_are_refused_is_in_the_log_without_them(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", logger="app.api.credentials.authenticator")
    ours, other = authenticator(), mint(TokenKind.USER)
    expired = CLIENTS.client("alice", days=(-3, -1)).der
    for request in (
        presented(bearer(other)),
        presented(bearer(jwt(aud="x"))),
        presented(der=expired),
    ):
        assert isinstance(await asked(request, ours), Refused)
    for _ in range(20):
        await asked(presented(bearer(other)), ours)
    assert caplog.messages[:3] == [
        "credentials were refused: unknown (token), from 192.0.2.7",
        "credentials were refused: audience (jwt), from 192.0.2.7",
        "credentials were refused: expired (certificate), from 192.0.2.7",
    ]
    refused = [each for each in caplog.messages if each.startswith("credentials were refused")]
    assert len(refused) == FAILURES_MAX, "as many as the address may fail"
    assert other not in caplog.text


def stored_as(token: str, user: User) -> dict[str, StoredToken]:
    parsed = parse_token(token)
    assert isinstance(parsed, ParsedToken)
    return {parsed.id: StoredToken(id=parsed.id, digest=digest_of(token), user=user)}


STORED = stored_as(TOKEN, User(name="bob"))


def jwt(**others: object) -> str:
    return signed(claims(exp=AT + 600, iat=AT, **others))


def authenticator(
    *, failures: FailureLimit | None = None, signatures: SignatureLimit | None = None
) -> Authenticator:
    keys = Held(key_set(jwk_of(key_for("ES256"))))
    issuers = Issuers([IssuerKeys(PLAIN, keys)], Computed({}))
    trust = Trust(issuers=issuers, certificates=READER, proxies=TRUSTED)
    return Authenticator(trust, failures=failures, signatures=signatures)


def presented(
    *pairs: tuple[str, str], path: str = "/services", der: bytes | None = None
) -> Presented:
    return Presented(path=path, fields=fields(*pairs), peer=PEER, certificate=der)


def bearer(token: str) -> tuple[str, str]:
    return "Authorization", f"Bearer {token}"


async def asked(request: Presented, ours: Authenticator | None = None) -> Outcome:
    return await (ours or authenticator()).authenticate(request, STORED, now=NOW)


async def name_of(request: Presented) -> str:
    outcome = await asked(request)
    assert isinstance(outcome, Authenticated), outcome
    return f"{outcome.method}:{outcome.user.name}"


async def test_every_way_succeeds_alone() -> None:
    assert await name_of(presented(bearer(TOKEN))) == "token:bob"
    assert await name_of(presented(bearer(jwt()))) == "jwt:oidc:alice"
    assert await name_of(presented(der=ALICE)) == "certificate:alice"
    by_proxy = replace(presented(("X-Remote-User", "carol"), der=FRONT), peer=PROXY)
    assert await name_of(by_proxy) == "proxy:carol"


async def test_the_first_way_that_succeeds_wins() -> None:
    told = (("X-Remote-User", "carol"), bearer(TOKEN))
    assert await name_of(replace(presented(*told, der=FRONT), peer=PROXY)) == "proxy:carol"
    assert await name_of(presented(*told, der=ALICE)) == "certificate:alice"
    assert await name_of(presented(*told)) == "token:bob"
    no_user = replace(presented(bearer(TOKEN), der=FRONT), peer=PROXY)
    assert await name_of(no_user) == "token:bob"


async def test_an_error_of_one_does_not_stop_the_next() -> None:
    assert await name_of(presented(bearer("bad"), der=ALICE)) == "certificate:alice"
    expired = CLIENTS.client("alice", days=(-3, -1)).der
    assert await name_of(presented(bearer(TOKEN), der=expired)) == "token:bob"
    reserved = replace(
        presented(("X-Remote-User", "system:x"), bearer(TOKEN), der=FRONT), peer=PROXY
    )
    assert await name_of(reserved) == "token:bob"


async def test_one_error_and_no_success_is_refused_also_where_anonymous_is_allowed() -> None:
    expired = CLIENTS.client("alice", days=(-3, -1)).der
    for request in (
        presented(bearer("bad"), path="/livez"),
        presented(der=expired, path="/livez"),
        presented(("Authorization", "Basic x"), path="/livez"),
    ):
        assert isinstance(await asked(request), Refused)


async def test_the_first_error_is_told() -> None:
    expired = CLIENTS.client("alice", days=(-3, -1)).der
    outcome = await asked(presented(bearer("bad"), der=expired))
    assert outcome == Refused(Failure.EXPIRED, Method.CERTIFICATE)


@pytest.mark.parametrize("path", sorted(ANONYMOUS_PATHS))
async def test_without_credentials_some_paths_are_open(path: str) -> None:
    outcome = await asked(presented(path=path))
    assert outcome == Authenticated(user=ANONYMOUS, method=Method.ANONYMOUS)


@pytest.mark.parametrize("path", ["", "/services", "/metrics", "/livez/", "/livez/x", "/LIVEZ"])
async def test_all_other_paths_need_credentials(path: str) -> None:
    assert await asked(presented(path=path)) == NoCredentials()


async def test_the_configuration_replaces_the_open_paths() -> None:
    ours = authenticator()
    ours.trust.anonymous_paths = frozenset({"/a"})
    assert await asked(presented(path="/livez"), ours) == NoCredentials()
    assert isinstance(await asked(presented(path="/a"), ours), Authenticated)
    ours.trust.anonymous_paths = None
    assert isinstance(await asked(presented(path="/b"), ours), Authenticated)


async def test_everyone_who_is_authenticated_is_in_their_group() -> None:
    for request in (presented(bearer(TOKEN)), presented(bearer(jwt())), presented(der=ALICE)):
        outcome = await asked(request)
        assert isinstance(outcome, Authenticated)
        assert outcome.user.groups[-1] == "system:authenticated"


@pytest.mark.parametrize("path", ["/services", "/livez"])
async def test_two_headers_are_malformed_whatever_else_there_is(path: str) -> None:
    twice = presented(bearer(TOKEN), bearer(TOKEN), path=path, der=ALICE)
    assert isinstance(await asked(twice), Malformed)
    users = [("X-Remote-User", "a"), ("X-Remote-User", "a")]
    assert isinstance(
        await asked(replace(presented(*users, path=path, der=FRONT), peer=PROXY)), Malformed
    )


async def test_a_token_is_not_looked_for_elsewhere() -> None:
    request = presented(("X-Token", TOKEN), path=f"/services?access_token={TOKEN}")
    assert await asked(request) == NoCredentials()


async def test_headers_of_proxies_from_elsewhere_are_counted_and_thrown_away() -> None:
    ours = authenticator()
    users = [("X-Remote-User", "a"), ("X-Remote-User", "b"), ("X_Remote_Group", "g")]
    assert await asked(presented(*users), ours) == NoCredentials()
    assert ours.headers_ignored == 3


async def test_what_the_certificate_of_a_proxy_says_is_no_user() -> None:
    assert await asked(replace(presented(der=FRONT), peer=PROXY)) == NoCredentials()
    assert await asked(presented(der=FRONT)) == NoCredentials()


async def test_the_eleventh_failure_of_an_address_is_told_to_wait() -> None:
    ours, bad = authenticator(), presented(bearer("bad"))
    outcomes = [await asked(bad, ours) for _ in range(12)]
    assert outcomes[:10] == [Refused(Failure.FORM, Method.JWT)] * 10
    assert outcomes[10:] == [TooMany(6, Refused(Failure.FORM, Method.JWT))] * 2
    elsewhere = replace(bad, peer=ip_address("192.0.2.8"))
    assert isinstance(await asked(elsewhere, ours), Refused)


async def test_good_credentials_always_pass_and_none_are_no_failure() -> None:
    ours = authenticator()
    for _ in range(20):
        await asked(presented(bearer("bad")), ours)
    for good in (presented(bearer(TOKEN)), presented(bearer(jwt())), presented(der=ALICE)):
        assert isinstance(await asked(good, ours), Authenticated)
    assert await asked(presented(), ours) == NoCredentials()
    assert isinstance(await asked(presented(path="/livez"), ours), Authenticated)


async def test_behind_a_proxy_the_client_is_counted() -> None:
    ours = authenticator()
    told = [bearer("bad"), ("X-Forwarded-For", "198.51.100.1")]
    behind = replace(presented(*told), peer=PROXY)
    assert ours.client_of(behind) == ip_address("198.51.100.1")
    assert isinstance([await asked(behind, ours) for _ in range(11)][-1], TooMany)
    assert isinstance(await asked(replace(presented(bearer("bad")), peer=PROXY), ours), Refused)


async def test_beyond_the_limit_signatures_of_those_who_failed_are_not_checked() -> None:
    ours = authenticator(
        failures=FailureLimit(failures_max=1), signatures=SignatureLimit(signatures_max=2)
    )
    good, kept = presented(bearer(jwt(jti="1"))), presented(bearer(jwt(jti="2")))
    assert isinstance(await asked(kept, ours), Authenticated)
    assert isinstance(await asked(presented(bearer("bad")), ours), Refused)
    assert await asked(good, ours) == TooMany(6)
    assert isinstance(await asked(kept, ours), Authenticated), "it was checked before"
    assert isinstance(await asked(presented(bearer(TOKEN)), ours), Authenticated)
    elsewhere = replace(good, peer=ip_address("192.0.2.8"))
    assert isinstance(await asked(elsewhere, ours), Authenticated)


async def test_a_token_that_is_revoked_is_refused_by_whoever_has_seen_it() -> None:
    ours = authenticator()
    revoked = {key: replace(each, revoked_at=NOW) for key, each in STORED.items()}
    request = presented(bearer(TOKEN))
    assert isinstance(await ours.authenticate(request, STORED, now=NOW), Authenticated)
    outcome = await ours.authenticate(request, revoked, now=NOW)
    assert outcome == Refused(Failure.REVOKED, Method.TOKEN)


async def test_a_certificate_ends_while_its_connection_lives() -> None:
    ours, request = authenticator(), presented(der=ALICE)
    assert isinstance(await ours.authenticate(request, {}, now=NOW), Authenticated)
    later = await ours.authenticate(request, {}, now=NOW + timedelta(days=31))
    assert later == Refused(Failure.EXPIRED, Method.CERTIFICATE)


HEADERS = ["authorization", "x-remote-user", "x-remote-group", "x-remote-extra-a", "x_remote_user"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from([*HEADERS, "x-forwarded-for"]).map(str.encode),
            st.binary(max_size=20) | st.binary(max_size=20).map(lambda octets: b"Bearer " + octets),
        ),
        max_size=4,
    ),
    st.sampled_from([PEER, PROXY, None]),
    st.sampled_from([None, ALICE, FRONT, b"nothing"]),
)
async def test_any_headers_are_an_outcome_and_never_another_user(
    told: list[tuple[bytes, bytes]], peer: Address | None, der: bytes | None
) -> None:
    request = Presented(path="/services", fields=told, peer=peer, certificate=der)
    outcome = await asked(request)
    if isinstance(outcome, Authenticated):
        assert outcome.method is (Method.CERTIFICATE if der == ALICE else Method.PROXY)
        assert (der, peer) != (FRONT, PEER)


def test_what_is_presented_is_not_in_its_representation() -> None:
    assert TOKEN not in repr(presented(bearer(TOKEN), der=ALICE))


CODES = {Authenticated: 200, NoCredentials: 401, Refused: 401, Malformed: 400, TooMany: 429}


def assert_as_expected(outcome: Outcome, expected: dict[str, Any]) -> None:
    assert CODES[type(outcome)] == expected["code"]
    if "www-authenticate" in expected:
        assert challenge_of(outcome) == expected["www-authenticate"]
    if "user" in expected:
        assert isinstance(outcome, Authenticated)
        user = outcome.user
        named: dict[str, Any] = {"name": user.name, "groups": [*user.groups]}
        if "extra" in expected["user"]:
            named["extra"] = {key: [*values] for key, values in user.extra.items()}
        assert named == expected["user"]


@pytest.mark.parametrize("case", authn_cases("header"))
async def test_header(case: dict[str, Any]) -> None:
    stored: dict[str, StoredToken] = {}
    for each in case["tokens"]:
        user = User(name=each["user"]["name"], groups=tuple(each["user"]["groups"]))
        stored |= stored_as(each["token"], user)
    told = [
        (name.lower().encode(), value.encode("latin-1"))
        for name, value in case["request"]["headers"]
    ]
    path = case["request"]["path"].partition("?")[0]
    request = Presented(path=path, fields=told, peer=PEER)
    outcome = await authenticator().authenticate(request, stored, now=NOW)
    assert_as_expected(outcome, case["expect"])


@pytest.mark.parametrize("case", authn_cases("proxy"))
async def test_proxy(case: dict[str, Any]) -> None:
    ours, config, peer = authenticator(), case["config"], case["peer"]
    ours.trust.proxies = replace(
        ours.trust.proxies,
        networks=tuple(ip_network(each) for each in config["trustedProxies"]),
        client_names=frozenset(config["proxyClientNames"]),
    )
    shown = peer.get("certificate")
    request = Presented(
        path=case["request"]["path"],
        fields=fields(
            *((name, value.replace("of bob", TOKEN)) for name, value in case["request"]["headers"])
        ),
        peer=ip_address(peer["address"]),
        certificate=shown and PROXIES.client(shown).der,
    )
    assert_as_expected(await asked(request, ours), case["expect"])


CERTIFIED = [case for case in authn_cases("x509") if case.values[0]["expect"]["outcome"] == "user"]


@pytest.mark.parametrize("case", CERTIFIED)
async def test_x509(case: dict[str, Any]) -> None:
    token = {"of bob": TOKEN, "bad": "bad"}.get(case["certificate"].get("token"))
    pairs = [] if token is None else [bearer(token)]
    subject = case["certificate"]["subject"]
    der = CLIENTS.client(subject["CN"], *subject["O"]).der
    outcome = await asked(presented(*pairs, der=der))
    assert_as_expected(outcome, {"code": 200, **case["expect"]})
