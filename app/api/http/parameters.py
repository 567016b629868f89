"""Query parameters that a route does not know, or has twice: refused before the route.

    route                -> the names that it knows
    request, its route   -> 400, which names all of them, or the application

A mistyped ``dryRun`` would write.  The names are those that a route declares, its dependencies
included, so that no second list can disagree with it.  Two of the same name are refused, because
a client, a proxy and a server may each take another one.

Source: contract.md, "Routes"; spec kubernetes-facade 2.
"""

from collections import Counter
from collections.abc import Awaitable
from typing import Final

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.access.routes import Found, Routes, query_of
from app.api.errors import form_of, refused
from app.domain.errors import BadRequest, CauseReason, DomainError, Violation
from app.schemas.documents.nearest import nearest

NAMED_MAX: Final = 32  # parameters that a refusal names
SHOWN_CHARACTERS_MAX: Final = 64  # of a name


class Parameters:
    """Middleware that refuses unknown and repeated parameters."""

    def __init__(self, app: ASGIApp, *, routes: Routes) -> None:
        self._app, self._routes = app, routes

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Pass a request on, or refuse it; without a query there is nothing to check."""
        if scope["type"] == "http" and scope["query_string"]:
            found = self._routes.found(scope)
            try:
                if isinstance(found, Found):
                    require_known(query_of(scope), found.query_names, found.list_names)
            except DomainError as refusal:
                return refused(refusal, form_of(Request(scope)))(scope, receive, send)
        return self._app(scope, receive, send)


def require_known(
    query: QueryParams, known: frozenset[str], lists: frozenset[str] = frozenset()
) -> None:
    """Raise BadRequest for unknown parameters and repeated ones, all at once.

    ``lists`` may be repeated: some clients write a list so, others with commas.
    """
    names = [name for name, _ in query.multi_items()]
    if known.issuperset(names) and len(set(names)) == len(names):
        return
    counts = Counter(name for name in names if name not in lists)
    wrong = [name for name, count in counts.items() if count > 1 or name not in known]
    if not wrong:
        return
    meant = {name: nearest(name, known) for name in wrong[:NAMED_MAX] if name not in known}
    causes = [_problem(name, meant.get(name)) for name in wrong[:NAMED_MAX]]
    words = [cause.message for cause in causes]
    if len(wrong) > NAMED_MAX:
        words.append(f"and {len(wrong) - NAMED_MAX} more")
    if not all(meant.values()):
        words.append(f"known here: {', '.join(sorted(known))}")
    raise BadRequest("; ".join(words), causes=causes)


def _problem(name: str, meant: str | None) -> Violation:
    """Word what is wrong; ``meant`` is None for a known name, empty if none is similar."""
    shown = name[:SHOWN_CHARACTERS_MAX]
    if meant is None:
        words = f'parameter "{shown}" is given more than once'
        return Violation(CauseReason.DUPLICATE, shown, words)
    hint = f': did you mean "{meant}"?' if meant else ""
    return Violation(CauseReason.INVALID, shown, f'unknown parameter "{shown}"{hint}')
