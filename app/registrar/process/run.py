"""Runs a command and keeps it registered: ``waypost register``.

    start -> registered, probed, renewed -> ends by itself ------------------> removed
                                         -> SIGTERM -> terminating -> drain
                                            -> the signal is passed on -> ends -> removed

The command runs whether or not the registry can be reached: this process never ends it but with
the signals that it gets itself, and its exit code is that of the command.
"""

import asyncio
import logging
import math
import os
import signal
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from app.domain.objects.pod import Probe
from app.domain.registration.health.readiness import Standing
from app.registrar.process.addresses import interface_addresses, source_addresses
from app.registrar.process.children import Child, Children
from app.registrar.process.manifests import Identity
from app.registrar.process.presence import CommandRegistrar
from app.registrar.process.probes import checking, condition_of, keep_probing
from waypost.client.errors import WaypostError
from waypost.client.http.credentials import Credentials
from waypost.client.http.registry_client import RegistryClient
from waypost.client.leases import RENEWALS_PER_LEASE
from waypost.client.pace import CLOCK, Backoff
from waypost.client.registration import keep_registered

STOPS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
"""Signals that ask a command to end; they are passed on after it has been drained."""
PASSED_ON: Final = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH, signal.SIGCONT)
"""Signals that are passed on at once."""
OF_TERMINALS: Final = (signal.SIGINT, signal.SIGQUIT, signal.SIGWINCH)
"""Signals that a terminal sends to all processes of a group."""
ENDING_S: Final = 30  # that a drained command may take to end before the registry removes its Pod
TERMINATING_S_MAX: Final = 2.0  # until the registry has answered; then the drain begins anyway
REMOVAL_S_MAX: Final = 3.0  # supervisors wait for little more
ADDRESS_RETRY_S_MAX: Final = 15.0
NOT_EXECUTABLE, NOT_FOUND = 126, 127  # exit codes, as of shells

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What is run, and how it is registered."""

    command: tuple[str, ...]
    identity: Identity
    urls: tuple[str, ...]
    credentials: Credentials
    addresses: tuple[str, ...] = ()
    interface: str = ""
    probe: Probe | None = None
    makes_service: bool = False
    drain_s: float
    is_on_terminal: bool = False


async def run(options: Options) -> int:
    """Run the command until it ends; gives its exit code.  Raises WaypostError for a wrong URL."""
    children = Children()
    async with RegistryClient(
        options.urls, credentials=options.credentials, logs_failures=False
    ) as client:
        with children.reaping():
            wrapped = _Wrapped(options, client, children)
            return await wrapped.run()


class _Wrapped:
    """A command and its registration."""

    def __init__(self, options: Options, client: RegistryClient, children: Children) -> None:
        self._options, self._client, self._children = options, client, children
        self._registrar: CommandRegistrar | None = None
        self._is_over = asyncio.Event()
        self._stopping: asyncio.Task[None] | None = None

    async def run(self) -> int:
        options = self._options
        try:
            child = self._children.start(options.command, has_own_group=not options.is_on_terminal)
        except OSError as error:
            _log.error("cannot run %s: %s", options.command[0], os.strerror(error.errno or 0))
            return NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE
        self._pass_signals(child)
        presence = asyncio.create_task(self._be_present())
        code = await child.ended
        self._is_over.set()
        if self._stopping is not None:
            self._stopping.cancel()
        if self._registrar is None:  # its address is still unknown
            presence.cancel()
        await asyncio.wait([presence])
        return code

    def _pass_signals(self, child: Child) -> None:
        loop = asyncio.get_running_loop()
        for number in (*STOPS, *PASSED_ON):
            # What is ignored here, as after nohup, is ignored by the command, too.
            if signal.getsignal(number) is not signal.SIG_IGN:
                loop.add_signal_handler(number, partial(self._signalled, child, number))

    def _signalled(self, child: Child, number: int) -> None:
        passed = 0 if self._options.is_on_terminal and number in OF_TERMINALS else number
        if number in PASSED_ON:
            child.send(passed)
            return
        is_first = self._stopping is None
        if self._stopping is not None:
            self._stopping.cancel()
        self._stopping = asyncio.create_task(self._stop(child, passed, drains=is_first))

    async def _stop(self, child: Child, number: int, *, drains: bool) -> None:
        """Drain the command, and pass the signal on; a second one does not wait."""
        registrar, drain_s = self._registrar, self._options.drain_s
        if drains and registrar is not None and registrar.was_registered:
            try:
                async with asyncio.timeout(TERMINATING_S_MAX):
                    await registrar.terminate(math.ceil(drain_s) + ENDING_S)
            except TimeoutError:
                _log.warning("%s could not be made terminating: no answer", registrar.name)
            if number:
                _log.info("draining %s for %g s", registrar.name, drain_s)
                await asyncio.sleep(drain_s)
        child.send(number)

    async def _be_present(self) -> None:
        try:
            await self._register()
        except Exception:  # noqa: BLE001  a supervision point: the command goes on
            _log.exception("internal error; %s is not registered", self._options.identity.name)

    async def _register(self) -> None:
        options = self._options
        addresses = await self._addresses()
        registrar = CommandRegistrar(
            self._client, options.identity, addresses, makes_service=options.makes_service
        )
        self._registrar = registrar
        if options.probe is not None:
            await registrar.report(condition_of(Standing()))
        async with (
            keep_registered(
                registrar,
                failures=WaypostError,
                heartbeat_s=options.identity.lease_s / RENEWALS_PER_LEASE,
                removal_s_max=REMOVAL_S_MAX,
            ),
            _probing(options.probe, addresses, self._children, registrar),
        ):
            await self._is_over.wait()

    async def _addresses(self) -> Sequence[str]:
        """Find the addresses, until they are found."""
        options, backoff = self._options, Backoff(retry_s_max=ADDRESS_RETRY_S_MAX)
        problem = ""
        while True:
            try:
                if options.addresses:
                    return options.addresses
                if options.interface:
                    return interface_addresses(options.interface)
                return await source_addresses(options.urls)
            except WaypostError as error:
                if str(error) != problem:
                    problem = str(error)
                    _log.warning(
                        "%s is not registered yet: %s; retrying", options.identity.name, problem
                    )
            now_s = CLOCK.now_s()
            backoff.failed(now_s)
            await CLOCK.sleep(backoff.retry_at_s - now_s)


@asynccontextmanager
async def _probing(
    probe: Probe | None, addresses: Sequence[str], children: Children, registrar: CommandRegistrar
) -> AsyncGenerator[None]:
    """Probe during the block; without a probe the command is ready."""
    if probe is None:
        yield
        return
    async with AsyncExitStack() as stack:
        check = await checking(probe, addresses, children, stack)
        probing = asyncio.create_task(keep_probing(probe, check, registrar, CLOCK))
        try:
            yield
        finally:
            probing.cancel()
            await asyncio.wait([probing])
