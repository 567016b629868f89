"""The layers that every request passes before its route, whichever route that is.

    ids of requests -> (traces) -> (a log) -> metrics -> (pages that may read)
    -> concurrent requests -> size of a body -> Host, Origin -> (preflights)
    -> authentication, rights, share of the user
    -> names of parameters -> paths and methods -> rules watches -> compression -> dispatch
    -> the function of the route

A layer that only looks at a request, or at a message of its answer, is a plain function that gives
the awaitable of the next one: it costs no coroutine of its own.

Nothing is answered without them: the fast answers are behind them, too.  An answer that is kept
(``http.kept_answers``) has passed them once, and each layer that reads more than the request has
stated it as a condition.  Those in brackets are there if an operator lists pages of other origins,
or wants the log or traces.
"""

from collections.abc import Iterable

from fastapi import FastAPI
from fastapi.routing import APIRoute

from app.api.access.evaluation import Access
from app.api.access.layer import AccessControl
from app.api.access.routes import Routes
from app.api.http.compression import Compression
from app.api.http.cross_origin import Preflights, ReadableAnswers
from app.api.http.guard import Guard, Trusted
from app.api.http.limits import Limits, RequestLimit
from app.api.http.methods import Methods
from app.api.http.parameters import Parameters
from app.api.http.request_ids import RequestIds
from app.api.monitoring.access_log import AccessLog
from app.api.monitoring.requests import RequestMeter
from app.api.monitoring.traces import Traces
from app.api.objects.bodies import BodyLimit
from app.api.routing.dispatch import Dispatch, calls_of
from app.api.rules_watch import Following

LIMITS = Limits()
TRUSTED = Trusted()


def stand_before(  # noqa: PLR0913  each is a choice of the composition root
    app: FastAPI,
    routes: Iterable[object],
    *,
    limits: Limits,
    trusted: Trusted,
    access: Access | None,
    has_access_log: bool = False,
    is_traced: bool = False,
) -> None:
    """Put the layers before the routes; each one added stands before those added earlier.

    Raises LookupError for a route that does not say what it asks of its caller, and TypeError for
    one whose signature asks for more than a Call knows.
    """
    declared = [route for route in routes if isinstance(route, APIRoute)]
    known = Routes(declared)
    app.add_middleware(Dispatch, routes=known, calls=calls_of(declared))
    app.add_middleware(Compression)
    app.add_middleware(Following)
    app.add_middleware(Methods, routes=known)
    app.add_middleware(Parameters, routes=known)
    app.add_middleware(AccessControl, routes=known, access=access)
    readers = frozenset(map(str, trusted.readers))
    if readers:
        app.add_middleware(Preflights, origins=readers)
    app.add_middleware(Guard, trusted=trusted)
    app.add_middleware(BodyLimit, bytes_max=limits.body_bytes_max)
    app.add_middleware(RequestLimit, requests_max=limits.requests_max)
    if readers:
        app.add_middleware(ReadableAnswers, origins=readers)
    app.add_middleware(RequestMeter, routes=known)
    if has_access_log:
        app.add_middleware(AccessLog)
    if is_traced:
        app.add_middleware(Traces, routes=known)
    app.add_middleware(RequestIds)
