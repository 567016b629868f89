"""The accepted credentials of a server, from its settings and the files that these name.

    Settings, TLS | None -> Identity: an Authenticator, what is wrong with its sources

Part of the composition: it knows settings, and what they are made into.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Final

from app.api.credentials.authenticator import Authenticator, Trust
from app.api.credentials.certificates import Authority, Certificates
from app.api.credentials.configuration import AuthenticationConfig, ConfigurationFile
from app.api.credentials.issuers import Issuers
from app.api.credentials.proxy import Proxies
from app.api.transport.tls import TLS
from app.config import Settings, blamed_on
from app.domain.errors import DomainError
from app.policy.client import Bounds, PolicyWorker

LOOK_S: Final = 10.0  # between two checks of the configuration file and the age of keys


@dataclass(slots=True, kw_only=True)
class Identity:
    """The authenticator of requests, the file of its issuers, and what evaluates expressions."""

    authenticator: Authenticator
    expressions: PolicyWorker
    file: ConfigurationFile | None = None

    @property
    def reloads(self) -> Mapping[bool, int]:
        """How often a changed file was read again, by whether it was accepted."""
        return {} if self.file is None else self.file.reloads

    @property
    def problems(self) -> Sequence[str]:
        """The problems of the file and of issuers, for `/readyz`; the last valid state is used."""
        problem = "" if self.file is None else self.file.problem
        own = [f"the AuthenticationConfiguration is not used: {problem}"] if problem else []
        return [*own, *self.authenticator.trust.issuers.problems]

    async def look(self, *, now: datetime) -> None:
        """Load the configuration file if it has changed, and keys that are too old."""
        trust = self.authenticator.trust
        if self.file is not None and (changed := await self.file.changed()) is not None:
            try:
                trust.issuers = trust.issuers.replaced_by(changed.issuers)
            except (OSError, ValueError) as error:
                self.file.reject(str(error))
            else:
                trust.anonymous_paths = changed.anonymous_paths
                self.file.accept()
        await trust.issuers.refresh(now=now)

    async def run(self, now: Callable[[], datetime], *, look_s: float = LOOK_S) -> None:
        """Check at intervals, until cancelled."""
        while True:
            await self.look(now=now())
            await asyncio.sleep(look_s)


@contextlib.asynccontextmanager
async def identity(
    settings: Settings, tls: TLS | None, *, bounds: Bounds | None = None
) -> AsyncGenerator[Identity, None]:
    """Accept the credentials that the settings name, and follow their files until the block ends.

    `bounds` are those of expressions.  Raises UnusableSetting when a file cannot be used.
    """
    async with PolicyWorker(bounds) as expressions:
        file: ConfigurationFile | None = None
        config = AuthenticationConfig()
        with blamed_on("AUTH_CONFIG"):
            if settings.auth_config:
                file = ConfigurationFile(Path(settings.auth_config), expressions)
                config = await _loaded(file)
            none = Issuers([], expressions, leeway_s=settings.jwt_leeway_seconds)
            issuers = none.replaced_by(config.issuers)
        trust = Trust(
            issuers=issuers,
            certificates=certificates_of(settings, tls),
            proxies=proxies_of(settings),
            anonymous_paths=config.anonymous_paths,
        )
        if tls is not None:
            tls.on_reload(lambda: _renew(trust, settings, tls))
        found = Identity(authenticator=Authenticator(trust), expressions=expressions, file=file)
        task = asyncio.create_task(found.run(lambda: datetime.now(UTC)))
        try:
            yield found
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


def certificates_of(settings: Settings, tls: TLS | None) -> Certificates:
    """Read certificates of the authorities that the listener has loaded, in `tls_of`'s order."""
    loaded = list(() if tls is None else tls.client_authorities)
    clients = Authority.of(loaded.pop(0)) if settings.tls_client_ca and loaded else None
    proxies = Authority.of(loaded.pop(0)) if settings.proxy_client_ca and loaded else None
    return Certificates(clients, proxies)


def proxies_of(settings: Settings) -> Proxies:
    """Give the accepted front proxies."""
    return Proxies(
        networks=tuple(ip_network(text) for text in settings.trusted_proxies),
        client_names=frozenset(settings.proxy_client_names),
        is_plain=settings.proxy_plain,
    )


async def _loaded(file: ConfigurationFile) -> AuthenticationConfig:
    try:
        return await file.load()
    except DomainError as refusal:
        raise ValueError(str(refusal)) from refusal


def _renew(trust: Trust, settings: Settings, tls: TLS) -> None:
    trust.certificates = certificates_of(settings, tls)
