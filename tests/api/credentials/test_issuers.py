"""Users by signed tokens: the issuer that is asked, and what is kept of it."""

import json
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.api.credentials.configuration import read_configuration
from app.api.credentials.issuers import KEPT, IssuerKeys, Issuers
from app.api.credentials.jwt import KeySet, SignedToken, VerificationKey
from app.api.credentials.outcomes import Authenticated, Failure, Method, Refused
from app.domain.access.subjects import User, authenticated
from app.policy.client import Bounds, PolicyWorker
from tests.access_vectors import authn_cases, shared
from tests.api.credentials.expressions import Computed
from tests.api.credentials.signing import (
    ISSUER,
    NOW,
    claims,
    jwk_of,
    key_for,
    key_set,
    octets_of,
    signed,
)
from tests.api.credentials.test_claims import PLAIN

OTHER = "https://other.example"


def nothing() -> None:
    pass


@dataclass(slots=True)
class Held:
    """Keys that are simply there."""

    keys: KeySet
    problem: str = ""
    rotates: bool = False
    changed: Callable[[], None] = field(default_factory=lambda: nothing)
    refreshed: list[datetime] = field(default_factory=list[datetime])

    async def find(self, token: SignedToken, *, now: datetime) -> VerificationKey | None:
        del now
        if self.rotates:
            self.changed()
        return self.keys.find(token)

    async def refresh(self, *, now: datetime) -> None:
        self.refreshed.append(now)


@pytest.fixture(scope="module")
async def worker() -> AsyncGenerator[PolicyWorker]:
    bounds = Bounds(evaluation_s=60, check_s=60, wait_s=60, start_s=60)
    async with PolicyWorker(bounds) as worker:
        yield worker


def issuers(*, kept_max: int = 100) -> Issuers:
    return Issuers(
        [
            IssuerKeys(PLAIN, Held(key_set(jwk_of(key_for("ES256"))))),
            IssuerKeys(
                replace(PLAIN, url=OTHER), Held(key_set(jwk_of(key_for("ES256", 1))), "away")
            ),
        ],
        Computed({}),
        kept_max=kept_max,
    )


async def refusal(text: str) -> Failure:
    outcome = await issuers().check(text, now=NOW)
    assert isinstance(outcome, Refused)
    assert outcome.method is Method.JWT
    return outcome.failure


async def test_a_good_token_is_its_user_until_its_end() -> None:
    outcome = await issuers().check(signed(claims(jti="j1")), now=NOW)
    assert isinstance(outcome, Authenticated)
    assert outcome.user.name == "oidc:alice"
    assert outcome.method is Method.JWT
    assert outcome.credential_id == "JTI=j1"
    assert outcome.expires_at == NOW + timedelta(seconds=630)


@pytest.mark.parametrize("url", [f"{ISSUER}/", ISSUER.upper(), "", None, 5, [ISSUER]])
async def test_the_issuer_is_the_configured_one_byte_for_byte(url: object) -> None:
    assert await refusal(signed(claims(iss=url))) is Failure.ISSUER


async def test_each_issuer_signs_with_its_own_keys() -> None:
    assert await refusal(signed(claims(iss=OTHER))) is Failure.SIGNATURE
    own = signed(claims(iss=OTHER), key=key_for("ES256", 1))
    assert isinstance(await issuers().check(own, now=NOW), Authenticated)


@pytest.mark.parametrize(
    ("text", "failure"),
    [
        ("a.b.c", Failure.FORM),
        (signed(kid="x"), Failure.KEY),
        (signed(algorithm="ES384"), Failure.KEY),
        (signed(key=key_for("ES256", 1)), Failure.SIGNATURE),
        (signed(claims(exp=1)), Failure.EXPIRED),
        (signed(claims(aud="x")), Failure.AUDIENCE),
        (signed(claims(username="")), Failure.CLAIM),
    ],
)
async def test_every_refusal_has_its_word(text: str, failure: Failure) -> None:
    assert await refusal(text) is failure


async def test_a_forged_token_is_told_nothing_of_its_claims() -> None:
    forged = signed(claims(exp=1, aud="x"), key=key_for("ES256", 1))
    assert await refusal(forged) is Failure.SIGNATURE


async def test_a_good_result_is_kept_for_a_minute() -> None:
    ours, text = issuers(), signed()
    assert ours.kept(text, now=NOW) is None
    outcome = await ours.check(text, now=NOW)
    assert ours.kept(text, now=NOW + KEPT - timedelta(seconds=1)) == outcome
    assert ours.kept(text, now=NOW + KEPT) is None


async def test_no_result_is_kept_beyond_the_end_of_the_token() -> None:
    ours, text = issuers(), signed(claims(exp=NOW.timestamp() - 20))
    await ours.check(text, now=NOW)
    assert ours.kept(text, now=NOW + timedelta(seconds=9)) is not None
    assert ours.kept(text, now=NOW + timedelta(seconds=10)) is None


async def test_failures_are_not_kept() -> None:
    ours, text = issuers(), signed(claims(nbf=NOW.timestamp() + 60))
    assert isinstance(await ours.check(text, now=NOW), Refused)
    assert ours.kept(text, now=NOW) is None
    later = NOW + timedelta(seconds=30)
    assert isinstance(await ours.check(text, now=later), Authenticated)


async def test_kept_results_are_bounded_and_forgotten_on_demand() -> None:
    ours = issuers(kept_max=2)
    texts = [signed(claims(jti=str(number))) for number in range(3)]
    for text in texts:
        await ours.check(text, now=NOW)
    assert [ours.kept(text, now=NOW) is None for text in texts] == [True, False, False]
    ours.forget()
    assert [ours.kept(text, now=NOW) for text in texts] == [None] * 3


async def test_a_result_of_keys_that_changed_meanwhile_is_not_kept() -> None:
    keys = Held(key_set(jwk_of(key_for("ES256"))), rotates=True)
    ours, text = Issuers([IssuerKeys(PLAIN, keys)], Computed({})), signed()
    assert isinstance(await ours.check(text, now=NOW), Authenticated)
    assert ours.kept(text, now=NOW) is None


async def test_problems_of_keys_are_told_and_all_are_refreshed() -> None:
    ours = issuers()
    assert ours.problems == ["away"]
    keys = Held(KeySet())
    await Issuers([IssuerKeys(PLAIN, keys)], Computed({})).refresh(now=NOW)
    assert keys.refreshed == [NOW]


def as_set(user: User) -> dict[str, object]:
    return {"name": user.name, "groups": [*user.groups]}


@pytest.mark.parametrize("case", authn_cases("jwt"))
async def test_jwt(case: dict[str, Any], worker: PolicyWorker, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps(shared("jwks", case["jwks"])))
    octets = json.dumps(shared("config", case["config"])).encode()
    (issuer,) = (await read_configuration(octets, worker)).issuers
    ours = Issuers([], worker).replaced_by([replace(issuer, key_file=str(path))])
    outcome = await ours.check(case["token"], now=datetime.fromtimestamp(case["now"], UTC))
    if case["expect"]["code"] == 200:
        assert isinstance(outcome, Authenticated), outcome
        assert as_set(authenticated(outcome.user)) == case["expect"]["user"]
    else:
        assert isinstance(outcome, Refused)


async def test_an_issuer_that_is_configured_as_before_keeps_its_keys(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes(octets_of(jwk_of(key_for("ES256"))))
    named = replace(PLAIN, key_file=str(path))
    before = Issuers([], Computed({})).replaced_by([named])
    path.unlink()
    after = before.replaced_by([named])
    assert isinstance(await after.check(signed(), now=NOW), Authenticated)
    with pytest.raises(OSError, match="No such file"):
        before.replaced_by([replace(named, audiences=frozenset({"x"}))])
    assert before.replaced_by([]).problems == []
    assert len(after.problems) == 1, "it is told that the file is away"
    assert before.replaced_by([PLAIN]).problems == [], "its keys are fetched when asked for"


async def test_results_are_forgotten_when_keys_change() -> None:
    keys = Held(key_set(jwk_of(key_for("ES256"))))
    ours, text = Issuers([IssuerKeys(PLAIN, keys)], Computed({})), signed()
    await ours.check(text, now=NOW)
    keys.changed()
    assert ours.kept(text, now=NOW) is None


def test_a_user_holds_nothing_of_the_token() -> None:
    assert "eyJ" not in repr(Authenticated(user=User(name="a"), method=Method.JWT))
