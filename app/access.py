"""Access control of a server: the credentials and the rights of every request.

    Settings, TLS | None, change log -> Access, or None without authentication

Part of the composition: it knows settings, and what they are made into.
Source: access.md 1, 1.2 and 1.9.
"""

import contextlib
from collections.abc import AsyncGenerator, Iterable

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.registry import Collector

from app.api.access.evaluation import Access
from app.api.monitoring.counts import CountCollector, ReloadCollector
from app.api.transport.tls import TLS
from app.config import Settings
from app.domain.access.tokens import stored_by_id
from app.identity import Identity, identity
from app.policy.metrics import ExpressionsCollector
from app.registry.token_uses import TokenUses
from app.store.change_log import ChangeLogFollower


@contextlib.asynccontextmanager
async def access_of(
    settings: Settings,
    tls: TLS | None,
    follower: ChangeLogFollower,
    uses: TokenUses,
    metrics: CollectorRegistry,
) -> AsyncGenerator[Access | None, None]:
    """Authenticate and authorise by the settings and the state, until the block ends.

    Raises UnusableSetting when a file of the settings cannot be used.
    """
    if not settings.auth:
        yield None
        return
    async with identity(settings, tls) as known:
        for collector in _collectors(known):
            metrics.register(collector)
        yield Access(
            authenticator=known.authenticator,
            view=follower.view,
            tokens_of=stored_by_id,
            now=follower.clock.now,
            is_stale=lambda: follower.contact_age_s > settings.auth_stale_seconds,
            counted=Counter(
                "waypost_authentication",
                "Authentications of requests, by the kind of credentials and the result.",
                ("method", "result"),
                registry=metrics,
            ),
            used=uses.record,
            problems=lambda: known.problems,
        )


def _collectors(known: Identity) -> Iterable[Collector]:
    """Make the metrics of what authentication rests on."""
    yield ReloadCollector(
        "waypost_authentication_config_reloads",
        "Reloads of the AuthenticationConfiguration that had changed, by their result.",
        lambda: known.reloads,
    )
    yield CountCollector(
        "waypost_proxy_headers_ignored",
        "Header fields of front proxies that were ignored, as no trusted proxy sent them.",
        lambda: known.authenticator.headers_ignored,
    )
    yield ExpressionsCollector(known.expressions)
