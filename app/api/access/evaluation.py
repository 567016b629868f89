"""The evaluation of one request: who calls, and whether the caller may do what is asked.

    Access, route, request -> snapshot to evaluate on -> Permit, or the refusal

With ``resourceVersion=N`` a request is evaluated on the state at N or later.

Source: access.md 1, 1.1, 1.9, 1.10 and 2.1.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from prometheus_client import Counter
from starlette.types import Scope

from app.api.access.ahead import Ahead
from app.api.access.authority import require
from app.api.access.identity import Caller, Permit
from app.api.access.requirements import Asked
from app.api.access.routes import Routes, UnknownMethod, query_of
from app.api.credentials.authenticator import Authenticator, Presented
from app.api.credentials.authorization import challenge_of
from app.api.credentials.outcomes import (
    Authenticated,
    Malformed,
    Method,
    NoCredentials,
    Outcome,
    Refused,
    TooMany,
)
from app.api.credentials.proxy import plain_address
from app.api.errors import Overloaded, Unauthenticated, UnclearCredentials
from app.api.transport.connection import PEER_CERTIFICATE
from app.domain.access.attributes import Attributes
from app.domain.access.impersonation import Impersonation, impersonated, parse_impersonation
from app.domain.access.refusals import Refused as Unauthorised
from app.domain.access.subjects import User
from app.domain.access.tokens import StoredToken
from app.domain.errors import BadRequest, DomainError, NotFound, NotSynced
from app.domain.snapshot import Snapshot
from app.registry.reads.view import View
from app.schemas.objects.metadata import asked_revision

SUCCESS: Final = "success"  # the result in the counter of authentications


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Everything that authenticates and authorises requests.

    ``is_stale`` says that this process has had no contact with the database for so long that it
    may not know of a revocation.  ``used`` records the use of a token, by its id, at a time.
    ``problems`` are those of issuers and of the configuration file, for `/readyz`.
    """

    authenticator: Authenticator
    view: View
    tokens_of: Callable[[Snapshot], Mapping[str, StoredToken]]
    now: Callable[[], datetime]
    is_stale: Callable[[], bool]
    counted: Counter
    used: Callable[[str, datetime], None]
    problems: Callable[[], Sequence[str]]
    ahead: Ahead = field(default_factory=Ahead)


class Evaluation:
    """The evaluation of one request."""

    def __init__(self, routes: Routes, access: Access, scope: Scope) -> None:
        self._access, self._scope = access, scope
        self._query = query_of(scope)
        self._method = "GET" if scope["method"] == "HEAD" else scope["method"]
        self._found = routes.found(scope)

    async def permit(self, snapshot: Snapshot) -> Permit:
        """Give the permit of the request on a state, or raise its refusal."""
        known = await self._authenticated(snapshot)
        impersonation = self._impersonation()
        user = known.user
        if impersonation is not None:
            user = _impersonated(snapshot, user, impersonation)
        asked = tuple(self._asked())
        require(snapshot, user, asked)
        if self._found is None:  # here, lest the framework find a route by other rules
            raise NotFound("Not Found")
        caller = Caller(
            user=user,
            real=known.user,
            method=known.method,
            credential_id=known.credential_id,
            expires_at=known.expires_at,
            impersonation=impersonation,
        )
        access = self._access
        return Permit(caller=caller, asked=asked, tokens_of=access.tokens_of, now=access.now)

    async def snapshot(self) -> Snapshot:
        """Give the state to evaluate on, which is not older than the requested revision."""
        view, text = self._access.view, self._query.get("resourceVersion", "")
        if not text or self._scope["method"] not in ("GET", "HEAD"):
            return view.snapshot
        try:
            revision = asked_revision(text)
        except DomainError:
            return view.snapshot  # the route refuses it, to callers with the right
        if revision <= view.snapshot.revision:
            return view.snapshot
        access, tokens = self._access, self._access.tokens_of(view.snapshot)
        present = await access.authenticator.presume(self._presented(), tokens, now=access.now())
        return await access.ahead.wait(self._scope, view, revision, present)

    def _presented(self) -> Presented:
        scope, peer = self._scope, self._scope.get("client")
        return Presented(
            path=scope["path"],
            fields=scope["headers"],
            peer=None if peer is None else plain_address(peer[0]),
            certificate=scope.get(PEER_CERTIFICATE),
        )

    async def _authenticated(self, snapshot: Snapshot) -> Authenticated:
        access, now = self._access, self._access.now()
        outcome = await access.authenticator.authenticate(
            self._presented(), access.tokens_of(snapshot), now=now
        )
        _count(access.counted, outcome)
        if not isinstance(outcome, Authenticated):
            raise _refusal_of(outcome)
        if outcome.method is not Method.ANONYMOUS and access.is_stale():
            raise NotSynced("this process may not know of revoked credentials: no database")
        if outcome.method is Method.TOKEN:
            access.used(outcome.credential_id, now)
        return outcome

    def _impersonation(self) -> Impersonation | None:
        wished = [each for each in self._scope["headers"] if each[0].startswith(b"impersonate-")]
        try:
            pairs = [(name.decode("latin-1"), value.decode()) for name, value in wished]
        except UnicodeDecodeError:
            raise BadRequest("a header field of impersonation is not UTF-8") from None
        return parse_impersonation(pairs) if pairs else None

    def _asked(self) -> Iterable[Attributes]:
        found, path = self._found, self._scope["path"]
        if isinstance(found, UnknownMethod):
            return ()  # 405, or the list of methods: no object is disclosed
        if found is None:
            return (Attributes(verb=self._method.lower(), path=path),)
        return found.requirement(Asked(self._method, path, found.parameters, self._query))


def _impersonated(snapshot: Snapshot, user: User, wish: Impersonation) -> User:
    found = impersonated(snapshot, user, wish)
    if isinstance(found, Unauthorised):
        raise found.error
    return found


def _refusal_of(outcome: NoCredentials | Refused | Malformed | TooMany) -> DomainError:
    if isinstance(outcome, Malformed):
        return UnclearCredentials(outcome.message, challenge_of(outcome) or "")
    if isinstance(outcome, TooMany):
        return Overloaded("too many failed authentications", retry_after_s=outcome.retry_after_s)
    return Unauthenticated(challenge_of(outcome) or "")


def _count(counted: Counter, outcome: Outcome) -> None:
    """Count an outcome by method and result; no label names a user."""
    match outcome:
        case Authenticated():
            method, result = outcome.method.value, SUCCESS
        case Refused():
            method, result = outcome.method.value, outcome.failure.value
        case TooMany():
            method, result = Method.NONE.value, "limited"
        case Malformed():
            method, result = Method.NONE.value, "malformed"
        case NoCredentials():
            method, result = Method.NONE.value, "missing"
    counted.labels(method=method, result=result).inc()
