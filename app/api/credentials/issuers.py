"""Users by signed tokens: which issuer is asked, and results that are kept for a minute.

    text, now -> Authenticated | Refused

The issuer is chosen by the token's own `iss`, before the signature is known to be good; that
issuer's keys and rules then decide.  Only successes are kept, and all are dropped when keys or
configuration change.

Source: spec access 1.3; apiserver `pkg/authentication/token/union` and `plugin/.../oidc`.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from app.api.credentials.claims import (
    Issuer,
    credential_id_of,
    end_of,
    fault_of,
    user_of,
)
from app.api.credentials.jwt import SignedToken, is_signed_by, read_jwt
from app.api.credentials.key_sets import KeySource, key_source_of
from app.api.credentials.outcomes import Authenticated, Checked, Failure, Method, Refused
from app.domain.bounded import Bounded
from app.policy.expressions import Expressions

KEPT_MAX: Final = 10_000  # results
KEPT: Final = timedelta(seconds=60)
LEEWAY_S: Final = 30  # by which the clocks of issuers may differ, unless configured otherwise


@dataclass(frozen=True, slots=True)
class IssuerKeys:
    """An issuer and the keys that it signs with."""

    issuer: Issuer
    keys: KeySource


@dataclass(frozen=True, slots=True)
class _Kept:
    result: Authenticated
    until: datetime


class Issuers:
    """Authenticates by the tokens of all configured issuers."""

    def __init__(
        self,
        issuers: Iterable[IssuerKeys],
        expressions: Expressions,
        *,
        leeway_s: int = LEEWAY_S,
        kept_max: int = KEPT_MAX,
    ) -> None:
        """Trust these issuers, whose URLs differ; results are forgotten when keys change."""
        self._by_url = {each.issuer.url: each for each in issuers}
        self._expressions = expressions
        self._leeway_s = leeway_s
        self._kept = Bounded[bytes, _Kept](kept_max)
        self._forgotten = 0  # times
        for each in self._by_url.values():
            each.keys.changed = self.forget

    def replaced_by(self, issuers: Iterable[Issuer]) -> "Issuers":
        """Trust other issuers instead; one that is configured as before keeps its keys.

        Raises OSError or ValueError as `key_source_of` does.
        """
        before = self._by_url
        trusted = [
            same
            if (same := before.get(each.url)) is not None and same.issuer == each
            else IssuerKeys(each, key_source_of(each))
            for each in issuers
        ]
        return Issuers(trusted, self._expressions, leeway_s=self._leeway_s)

    @property
    def problems(self) -> Sequence[str]:
        """Say whose keys cannot be read now, for `/readyz`."""
        return [each.keys.problem for each in self._by_url.values() if each.keys.problem]

    def kept(self, text: str, *, now: datetime) -> Authenticated | None:
        """Give the result of a token that was checked a short time ago."""
        found = self._kept.get(_key_of(text))
        return found.result if found is not None and now < found.until else None

    def forget(self) -> None:
        """Check all tokens again, as after a change of keys."""
        self._kept.clear()
        self._forgotten += 1

    async def refresh(self, *, now: datetime) -> None:
        """Read again the keys whose time it is."""
        for each in self._by_url.values():
            await each.keys.refresh(now=now)

    async def check(self, text: str, *, now: datetime) -> Checked:
        """Check a token wholly, and keep the result if it is good."""
        forgotten = self._forgotten
        token = read_jwt(text)
        if isinstance(token, Refused):
            return token
        url = token.claims.get("iss")
        trusted = self._by_url.get(url) if isinstance(url, str) else None
        if trusted is None:
            return Refused(Failure.ISSUER, Method.JWT)
        if (refused := await self._refusal_of(token, trusted, now)) is not None:
            return refused
        user = await user_of(token.claims, trusted.issuer, self._expressions)
        if isinstance(user, Refused):
            return user
        result = Authenticated(
            user=user,
            method=Method.JWT,
            credential_id=credential_id_of(token.claims),
            expires_at=end_of(token.claims, leeway_s=self._leeway_s),
        )
        if forgotten == self._forgotten:  # else it may rest on keys that are no longer
            self._keep(text, result, now)
        return result

    async def _refusal_of(
        self, token: SignedToken, trusted: IssuerKeys, now: datetime
    ) -> Refused | None:
        key = await trusted.keys.find(token, now=now)
        if key is None:
            return Refused(Failure.KEY, Method.JWT)
        if not is_signed_by(token, key):
            return Refused(Failure.SIGNATURE, Method.JWT)
        return fault_of(token.claims, trusted.issuer, now=now, leeway_s=self._leeway_s)

    def _keep(self, text: str, result: Authenticated, now: datetime) -> None:
        assert result.expires_at is not None, "such tokens have an end"
        self._kept[_key_of(text)] = _Kept(result, min(now + KEPT, result.expires_at))


def _key_of(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
