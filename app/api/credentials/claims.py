"""The claims of a signed token: whether it is for us and in time, and which user it names.

    claims, Issuer, now -> None | Refused           claims, Issuer, Expressions -> User | Refused

Expressions are evaluated in a process of their own; one that has an error refuses.  Names under
`system:` are never accepted from an issuer, and an issuer that hands its groups over by reference
(`_claim_names`) is refused rather than believed to have none.

Source: spec access 1.3 and 1.4; apiserver `plugin/pkg/authenticator/token/oidc`; RFC 7519
section 4.1; OpenID Connect Core 1.0 sections 5.1 and 5.6.2.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, TypeGuard, cast

from app.api.credentials.outcomes import Failure, Method, Refused
from app.domain.access.subjects import SYSTEM_PREFIX, User
from app.policy.expressions import Environment, EvaluationError, Expressions

CREDENTIAL_ID: Final = "authentication.kubernetes.io/credential-id"
LATEST: Final = datetime(9999, 12, 31, tzinfo=UTC)  # for an `exp` beyond what a datetime holds
_EMAIL: Final = "email"
_EMAIL_VERIFIED: Final = "email_verified"
_DISTRIBUTED: Final = "_claim_names"

Claims = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """What part of a user comes from: a claim with a prefix, or an expression; both empty: none."""

    claim: str = ""
    prefix: str = ""
    expression: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """An expression that must be true."""

    expression: str
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """One issuer of tokens as configured, and how its claims become a user."""

    url: str
    audiences: frozenset[str]
    discovery_url: str = ""
    certificate_authority: str = field(default="", repr=False)  # PEM
    key_file: str = ""
    username: Mapped = field(default_factory=Mapped)
    groups: Mapped = field(default_factory=Mapped)
    uid: Mapped = field(default_factory=Mapped)
    extra: Mapping[str, str] = field(default_factory=dict[str, str])  # expressions by key
    required_claims: Mapping[str, str] = field(default_factory=dict[str, str])
    claim_rules: tuple[Rule, ...] = ()
    user_rules: tuple[Rule, ...] = ()


class _Unacceptable(Exception):
    """The claims name no user; becomes Refused."""

    def __init__(self, failure: Failure, detail: str) -> None:
        super().__init__(detail)
        self.refused = Refused(failure, Method.JWT, detail)


def fault_of(claims: Claims, issuer: Issuer, *, now: datetime, leeway_s: int) -> Refused | None:
    """Check audience and times; each of the times may be off by the leeway."""
    moment = now.timestamp()
    if not _texts(claims.get("aud")) & issuer.audiences:
        return Refused(Failure.AUDIENCE, Method.JWT)
    times = {name: claims[name] for name in ("exp", "nbf", "iat") if name in claims}
    if "exp" not in times or not all(_is_time(value) for value in times.values()):
        return Refused(Failure.CLAIM, Method.JWT, "exp, nbf and iat are numbers, exp is needed")
    numbers = cast("dict[str, float]", times)
    if moment >= numbers["exp"] + leeway_s:
        return Refused(Failure.EXPIRED, Method.JWT)
    if any(numbers.get(name, moment) > moment + leeway_s for name in ("nbf", "iat")):
        return Refused(Failure.NOT_YET_VALID, Method.JWT)
    return None


def end_of(claims: Claims, *, leeway_s: int) -> datetime:
    """Give the first moment at which claims without a fault are no longer accepted."""
    end = cast("float", claims["exp"]) + leeway_s
    return LATEST if end >= LATEST.timestamp() else datetime.fromtimestamp(end, UTC)


def credential_id_of(claims: Claims) -> str:
    """Name the token for audit, as Kubernetes does; empty if its issuer gave it no name."""
    jti = claims.get("jti")
    return f"JTI={jti}" if isinstance(jti, str) and jti else ""


async def user_of(claims: Claims, issuer: Issuer, expressions: Expressions) -> User | Refused:
    """Make the user that the claims name, if all rules of the issuer hold."""
    try:
        _require_claims(claims, issuer)
        values = await _evaluated(claims, issuer, expressions)
        user = _user(claims, issuer, values)
        await _require_user_rules(user, issuer, expressions)
    except _Unacceptable as problem:
        return problem.refused
    return user


def _user(claims: Claims, issuer: Issuer, values: Mapping[str, object]) -> User:
    name = _username(claims, issuer, values)
    groups = _groups(claims, issuer, values)
    if any(each.startswith(SYSTEM_PREFIX) for each in (name, *groups)):
        raise _Unacceptable(Failure.RESERVED, f"no issuer may name users under {SYSTEM_PREFIX}")
    extra = {
        key: texts
        for key, expression in issuer.extra.items()
        if (texts := _text_list(values[expression], f"the extra {key}"))
    }
    if credential_id := credential_id_of(claims):
        extra[CREDENTIAL_ID] = (credential_id,)
    return User(name=name, groups=groups, uid=_uid(claims, issuer, values), extra=extra)


def _username(claims: Claims, issuer: Issuer, values: Mapping[str, object]) -> str:
    mapped = issuer.username
    value = values[mapped.expression] if mapped.expression else claims.get(mapped.claim)
    if not isinstance(value, str) or not value:
        raise _Unacceptable(Failure.CLAIM, "the user name is no text, or an empty one")
    if mapped.claim == _EMAIL and claims.get(_EMAIL_VERIFIED, True) is not True:
        raise _Unacceptable(Failure.CLAIM, "the e-mail address is not verified")
    return mapped.prefix + value


def _groups(claims: Claims, issuer: Issuer, values: Mapping[str, object]) -> tuple[str, ...]:
    mapped = issuer.groups
    if mapped.expression:
        return _text_list(values[mapped.expression], "the groups")
    value = claims.get(mapped.claim) if mapped.claim else None
    if value is None:
        if mapped.claim and _DISTRIBUTED in claims:
            raise _Unacceptable(Failure.CLAIM, "the groups are distributed claims")
        return ()
    names = [value] if isinstance(value, str) else value
    if not _is_text_list(names):
        raise _Unacceptable(Failure.CLAIM, "the groups are neither a text nor a list of texts")
    return tuple(mapped.prefix + name for name in names)


def _uid(claims: Claims, issuer: Issuer, values: Mapping[str, object]) -> str:
    mapped = issuer.uid
    if not mapped.claim and not mapped.expression:
        return ""
    value = values[mapped.expression] if mapped.expression else claims.get(mapped.claim)
    if not isinstance(value, str):
        raise _Unacceptable(Failure.CLAIM, "the uid is no text")
    return value


def _require_claims(claims: Claims, issuer: Issuer) -> None:
    for name, required in issuer.required_claims.items():
        if claims.get(name) != required:
            raise _Unacceptable(Failure.CLAIM, f"the claim {name} is not as required")


async def _evaluated(
    claims: Claims, issuer: Issuer, expressions: Expressions
) -> Mapping[str, object]:
    """Evaluate the rules and mappings over the claims: values by expression."""
    mapped = [each.expression for each in (issuer.username, issuer.groups, issuer.uid)]
    rules = [rule.expression for rule in issuer.claim_rules]
    wanted = [text for text in (*rules, *mapped, *issuer.extra.values()) if text]
    values = await _values(Environment.CLAIMS, wanted, claims, expressions)
    _require(issuer.claim_rules, values)
    return values


async def _require_user_rules(user: User, issuer: Issuer, expressions: Expressions) -> None:
    shown = {
        "username": user.name,
        "uid": user.uid,
        "groups": [*user.groups],
        "extra": {key: [*texts] for key, texts in user.extra.items()},
    }
    rules = [rule.expression for rule in issuer.user_rules]
    _require(issuer.user_rules, await _values(Environment.USER, rules, shown, expressions))


async def _values(
    environment: Environment,
    wanted: Sequence[str],
    variable: Mapping[str, object],
    expressions: Expressions,
) -> Mapping[str, object]:
    """Evaluate over the one variable of an environment, which bears its name."""
    if not wanted:
        return {}
    try:
        values = await expressions.evaluate(environment, wanted, {environment.value: variable})
    except EvaluationError as error:
        raise _Unacceptable(Failure.RULE, str(error)) from error
    return dict(zip(wanted, values, strict=True))


def _require(rules: Sequence[Rule], values: Mapping[str, object]) -> None:
    for rule in rules:
        if values[rule.expression] is not True:
            raise _Unacceptable(Failure.RULE, rule.message or f"failed: {rule.expression}")


def _text_list(value: object, called: str) -> tuple[str, ...]:
    """Read the value of an expression: a text, texts or null; empty texts are dropped."""
    texts = [] if value is None else [value] if isinstance(value, str) else value
    if not _is_text_list(texts):
        raise _Unacceptable(Failure.CLAIM, f"{called} are neither a text nor a list of texts")
    return tuple(text for text in texts if text)


def _texts(value: object) -> frozenset[str]:
    """Read a text or a list of texts, as `aud` is; anything else holds no text."""
    texts = [value] if isinstance(value, str) else value
    return frozenset(texts) if _is_text_list(texts) else frozenset()


def _is_text_list(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(
        isinstance(each, str) for each in cast("list[object]", value)
    )


def _is_time(value: object) -> bool:
    """Whether a NumericDate is a finite number; JSON's true is no number."""
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)
