"""The layer that authenticates and authorises every request, before any route or shortcut.

    request -> authenticate -> impersonate -> attributes -> authorise -> share of the user -> route
                  401             403             |           403             429

A request that was allowed before is allowed again while the state that decides it is the same.
The user is set in the request's scope, and credentials are removed from its headers.

Source: access.md 1, 1.1, 1.9, 1.10 and 2.1.
"""

from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.access.evaluation import SUCCESS, Access, Evaluation
from app.api.access.identity import Permit, set_permit
from app.api.access.kept import KeptPermits, Key, key_of
from app.api.access.kept_use import KeptUse
from app.api.access.routes import Routes
from app.api.access.unstored import unstored
from app.api.credentials.outcomes import Method
from app.api.credentials.proxy import split_identity
from app.api.errors import refused
from app.api.http.kept_answers import count_kept, keep_if, keep_not
from app.api.http.slots import count_for
from app.domain.errors import DomainError
from app.telemetry.origin import note_user


class AccessControl:
    """Middleware that passes a request on if its caller has the right to it.

    Without ``access`` nothing is checked: authentication is off.
    """

    def __init__(self, app: ASGIApp, *, routes: Routes, access: Access | None) -> None:
        self._app, self._routes, self._access = app, routes, access
        self._kept = KeptPermits()
        if access is not None:
            self._reused = access.counted.labels(method=Method.TOKEN.value, result=SUCCESS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its user, or refuse it."""
        if scope["type"] != "http" or self._access is None:
            await self._app(scope, receive, send)
            return
        identity, others = split_identity(scope["headers"])
        key = key_of(scope, identity)
        try:
            permit = await self._permit(self._access, scope, key)
            count_for(scope, permit.holder)
        except DomainError as refusal:
            await refused(refusal)(scope, receive, send)
            return
        # In place, because the layers before this one read from the scope which route answered.
        scope["headers"] = others
        set_permit(scope, permit)
        note_user(permit.caller.user.name)
        self._let_keep(self._access, scope, key, permit)
        is_personal = permit.caller.method is not Method.ANONYMOUS
        await self._app(scope, receive, unstored(send) if is_personal else send)

    async def _permit(self, access: Access, scope: Scope, key: Key | None) -> Permit:
        """Give the permit of a request, or raise its refusal."""
        if key is not None and not access.is_stale():
            now = access.now()
            permit = self._kept.find(key, access.view.snapshot, now)
            if permit is not None:
                self._reused.inc()
                access.used(permit.caller.credential_id, now)
                return permit
        evaluation = Evaluation(self._routes, access, scope)
        snapshot = await evaluation.snapshot()
        permit = await evaluation.permit(snapshot)
        if key is not None:
            self._kept.keep(key, snapshot, permit)
        return permit

    def _let_keep(self, access: Access, scope: Scope, key: Key | None, permit: Permit) -> None:
        """Let the answer be kept for the same caller, as long as its permit is."""
        ground = None if key is None else self._kept.ground_of(key, permit)
        if ground is None:
            keep_not(scope)
            return
        use = KeptUse(access, permit, self._reused)
        keep_if(scope, use.is_allowed, ground=ground)
        count_kept(scope, use.count)
