"""The listener of the API from the settings: certificate, accepted host names, processes.

    Settings -> TLS | None              Settings, TLS | None -> Trusted
    Settings, socket -> APIWorkers on the same port, whose metrics are added up

Part of the composition: it knows settings, and what they are made into.
"""

import asyncio
import contextlib
import os
import socket
import tempfile
from collections.abc import AsyncGenerator, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge

from app.api.dependencies import Registry
from app.api.http.guard import Trusted
from app.api.monitoring.counts import ReloadCollector
from app.api.transport.tls import TLS, TLSFiles
from app.api.transport.workers import APIWorkers
from app.api.worker_metrics import WorkerMetrics, add_ended
from app.config import Settings, blamed_on
from app.schemas.authorities import HostNames, Origin, parse_origin


def tls_of(settings: Settings) -> TLS | None:
    """Load the certificate of the API; None for plain HTTP.

    The authorities of clients and those of front proxies follow one another in that order.
    Raises UnusableSetting.
    """
    authorities = [text for text in (settings.tls_client_ca, settings.proxy_client_ca) if text]
    with blamed_on("TLS_CERT", "TLS_KEY"):
        if bool(settings.tls_cert) != bool(settings.tls_key):
            raise ValueError("a certificate and its key are given together")
    if not settings.tls_cert:
        with blamed_on("TLS_CLIENT_CA", "PROXY_CLIENT_CA"):
            if authorities:
                raise ValueError("only a server with WAYPOST_TLS_CERT asks for certificates")
        return None
    files = TLSFiles(
        certificate=Path(settings.tls_cert),
        key=Path(settings.tls_key),
        client_authorities=tuple(map(Path, authorities)),
        min_version=settings.tls_min_version,
    )
    with blamed_on("TLS_CERT", "TLS_KEY", "TLS_CLIENT_CA", "PROXY_CLIENT_CA"):
        return TLS(files, now=_now())


def trusted_by(settings: Settings, tls: TLS | None = None) -> Trusted:
    """Make the server's accepted host names, and the origins that may write, or read as well.

    Names of the certificate are those of the one that is served, from its reload on.
    """
    trusted = Trusted(
        hosts=_host_names(settings, tls),
        origins=_origins(settings.allowed_origins),
        readers=_origins(settings.cors_origins),
    )
    if tls is not None:

        def renew() -> None:
            trusted.hosts = _host_names(settings, tls)

        tls.on_reload(renew)
    return trusted


def _origins(texts: Iterable[str]) -> frozenset[Origin]:
    origins = map(parse_origin, texts)
    return frozenset(origin for origin in origins if origin is not None)


@contextlib.asynccontextmanager
async def reloading(tls: TLS, metrics: CollectorRegistry) -> AsyncGenerator[None, None]:
    """Follow the files of a certificate until the block ends; metrics show expiry and reloads."""
    reloads = ReloadCollector(
        "waypost_tls_certificate_reloads",
        "Reloads of the certificate of the API whose files had changed, by their result.",
        lambda: tls.reloads,
    )
    metrics.register(reloads)
    end = Gauge(
        "waypost_tls_certificate_expires_seconds",
        "When the certificate of the API expires, in seconds since 1970.",
        registry=metrics,
    )
    end.set_function(lambda: tls.expires_at.timestamp())  # noqa: PLW0108  of the present one
    task = asyncio.create_task(tls.run(_now))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@contextlib.asynccontextmanager
async def with_workers(
    settings: Settings, url: str, registry: Registry, listener: socket.socket, *, probes: bool
) -> AsyncGenerator[Registry, None]:
    """Run the other processes of the API on the port of ``listener``, until the block ends.

    Gives the registry with their metrics; raises OSError when one of them cannot start.
    """
    with tempfile.TemporaryDirectory(prefix="waypost-") as name:
        folder = Path(name)
        environment = {
            "WAYPOST_DATABASE_URL": url,
            "WAYPOST_API_PORT": str(listener.getsockname()[1]),
            "WAYPOST_AUTH": str(settings.auth),
        }
        words = (str(folder), *(("--probe",) if probes else ()))
        workers = APIWorkers(
            settings.api_workers - 1, words, environment, ended=partial(add_ended, folder)
        )
        async with workers.running(), adding_metrics(registry, folder) as shared:
            yield shared


@contextlib.asynccontextmanager
async def adding_metrics(registry: Registry, folder: Path) -> AsyncGenerator[Registry, None]:
    """Give the registry with the metrics of all processes that write to ``folder``."""
    metrics = WorkerMetrics(registry.metrics, folder, os.getpid())
    task = asyncio.create_task(metrics.report_periodically())
    try:
        yield replace(registry, worker_metrics=metrics)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _host_names(settings: Settings, tls: TLS | None) -> HostNames | None:
    """List the accepted names; None for any.

    With authentication that is so unless some are listed: a page with a rebound name has no
    credentials.
    """
    if settings.auth and not settings.allowed_hosts:
        return None
    own = (socket.gethostname(), settings.api_host, *(() if tls is None else tls.host_names))
    return HostNames.of((*map(str.lower, own), *settings.allowed_hosts))


def _now() -> datetime:
    return datetime.now(UTC)
