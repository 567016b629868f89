"""Who asks: all ways to authenticate, in Kubernetes' order.

    Presented, stored tokens, now -> Authenticated | NoCredentials | Refused | Malformed | TooMany

Front proxy, client certificate, our own token, token of an issuer: the first that succeeds wins,
and an error of one does not stop the next.  When none succeeds and one had an error the request
is refused, never anonymous.

Source: spec access 1.1, 1.7 and 1.9; `pkg/kubeapiserver/authenticator/config.go`.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from app.api.credentials.authorization import Bearer, Fields, bearer_of
from app.api.credentials.certificates import Certificates, authenticate_certificate
from app.api.credentials.configuration import ANONYMOUS_PATHS
from app.api.credentials.failures import FailureLimit, SignatureLimit
from app.api.credentials.issuers import Issuers
from app.api.credentials.outcomes import (
    Authenticated,
    Malformed,
    Method,
    NoCredentials,
    Outcome,
    Refused,
    TooMany,
)
from app.api.credentials.proxy import Proxies, authenticate_proxied, is_told_by_proxy
from app.api.credentials.tokens import authenticate_token
from app.domain.access.subjects import ANONYMOUS, authenticated
from app.domain.access.tokens import StoredToken, is_ours
from app.domain.addresses import Address
from app.telemetry.bounds import Bound, refusals

_log = logging.getLogger(__name__)

_Attempt = Authenticated | Refused | Malformed | TooMany | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """What a connection and a request show: a plain value, so that tests need no server.

    `fields` have names in lower case; `peer` is None for a Unix socket; `certificate` is DER.
    """

    path: str
    fields: Sequence[tuple[bytes, bytes]] = field(default=(), repr=False)
    peer: Address | None = None
    certificate: bytes | None = field(default=None, repr=False)


@dataclass(slots=True, kw_only=True)
class Trust:
    """Who is believed; replaced part by part when files change."""

    issuers: Issuers
    certificates: Certificates = field(default_factory=Certificates)
    proxies: Proxies = field(default_factory=Proxies)
    anonymous_paths: frozenset[str] | None = ANONYMOUS_PATHS  # None: all paths


class Authenticator:
    """Authenticates requests."""

    def __init__(
        self,
        trust: Trust,
        *,
        failures: FailureLimit | None = None,
        signatures: SignatureLimit | None = None,
    ) -> None:
        """Believe what `trust` says at the time of each request."""
        self.trust = trust
        self.headers_ignored = 0  # of front proxies, from elsewhere
        self._failures = failures or FailureLimit()
        self._signatures = signatures or SignatureLimit()

    def client_of(self, presented: Presented) -> Address | None:
        """Find the address of the client, for audit and limits."""
        return self.trust.proxies.client_of(presented.peer, presented.fields)

    async def authenticate(
        self, presented: Presented, stored_by_id: Mapping[str, StoredToken], *, now: datetime
    ) -> Outcome:
        """Tell whose request it is; a failure is counted for its address."""
        outcome = await self.presume(presented, stored_by_id, now=now)
        if isinstance(outcome, Refused):
            return self._failed(outcome, self.client_of(presented), now)
        return outcome

    async def presume(
        self, presented: Presented, stored_by_id: Mapping[str, StoredToken], *, now: datetime
    ) -> Outcome:
        """Tell whose request it is without counting a failure: it will be asked again."""
        bearer = bearer_of(presented.fields)
        if isinstance(bearer, Malformed):
            return bearer
        client = self.client_of(presented)
        refusals: list[Refused] = []
        for attempt in self._by_connection(presented, now):
            if isinstance(attempt, Refused):
                refusals.append(attempt)
            elif attempt is not None:
                return _completed(attempt)
        last = await self._by_bearer(bearer, stored_by_id, client, now)
        if isinstance(last, Refused):
            refusals.append(last)
        elif last is not None:
            return _completed(last)
        return refusals[0] if refusals else self._anonymous(presented.path)

    def _by_connection(self, presented: Presented, now: datetime) -> Iterator[_Attempt]:
        """Try what the connection shows, each way only if those before have not succeeded."""
        der = presented.certificate
        shown = None if der is None else self.trust.certificates.read(der)
        if self.trust.proxies.trust(presented.peer, shown, now=now):
            yield authenticate_proxied(presented.fields)
        else:
            self.headers_ignored += _told(presented.fields)
        if shown is not None:
            yield authenticate_certificate(shown, now=now)

    async def _by_bearer(
        self,
        bearer: Bearer | NoCredentials | Refused,
        stored_by_id: Mapping[str, StoredToken],
        client: Address | None,
        now: datetime,
    ) -> _Attempt:
        if not isinstance(bearer, Bearer):
            return bearer if isinstance(bearer, Refused) else None
        text = bearer.token
        if is_ours(text):
            return authenticate_token(text, stored_by_id, now=now)
        if (kept := self.trust.issuers.kept(text, now=now)) is not None:
            return kept
        if not self._signatures.take(now=now) and (
            wait_s := self._failures.wait_s(client, now=now)
        ):
            refusals[Bound.FAILED_AUTHENTICATIONS] += 1
            return TooMany(wait_s)
        return await self.trust.issuers.check(text, now=now)

    def _failed(self, refused: Refused, client: Address | None, now: datetime) -> Outcome:
        if wait_s := self._failures.fail(client, now=now):
            refusals[Bound.FAILED_AUTHENTICATIONS] += 1
            return TooMany(wait_s, refused)
        # Within the limit of its address, so nobody fills the log.
        words = "credentials were refused: %s (%s), from %s"
        _log.info(words, refused.failure, refused.method, client or "a local socket")
        return refused

    def _anonymous(self, path: str) -> Outcome:
        paths = self.trust.anonymous_paths
        if paths is not None and path not in paths:
            return NoCredentials()
        return Authenticated(user=ANONYMOUS, method=Method.ANONYMOUS)


def _completed(
    outcome: Authenticated | Malformed | TooMany,
) -> Authenticated | Malformed | TooMany:
    """Add the group of everybody who is authenticated."""
    if not isinstance(outcome, Authenticated):
        return outcome
    return replace(outcome, user=authenticated(outcome.user))


def _told(fields: Fields) -> int:
    return sum(is_told_by_proxy(name) for name, _ in fields)
