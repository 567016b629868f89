"""TLS of the API: the context that connections are accepted with, and certificates that change.

    files -> SSLContext                 files, changed -> a new context for new connections

The listener keeps one context, whose callback gives every new connection the current one; a new
one is made whole before it takes over, so that a wrong file leaves the old certificate serving.
Client certificates are asked for, not required: without one, a request may bring a token.

Source: spec access 1.5 and 1.11; RFC 9325 sections 3 and 4.
"""

import asyncio
import contextlib
import logging
import signal
import ssl
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509

LOOK_S: Final = 10.0  # between two looks at the files
HSTS: Final = ("Strict-Transport-Security", "max-age=31536000")
_CIPHERS_1_2: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"  # TLS 1.3 has its own list
_PROTOCOLS: Final = ("http/1.1",)
_VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_NO_TICKETS: Final = 0  # a resumed session would show a certificate that nothing has checked since
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class TLSFiles:
    """Files in PEM: the chain of the server, its key, and the authorities of clients."""

    certificate: Path
    key: Path
    client_authorities: tuple[Path, ...] = ()
    min_version: str = "1.2"


@dataclass(frozen=True, slots=True)
class _Loaded:
    octets: tuple[bytes, ...]
    context: ssl.SSLContext
    certificate: x509.Certificate
    client_authorities: tuple[bytes, ...]


class TLS:
    """The context of a listener, renewed when its files change."""

    def __init__(self, files: TLSFiles, *, now: datetime) -> None:
        """Load the files; raises OSError or ValueError when they cannot be served with."""
        self._files = files
        self._loaded = _loaded(files, _read(files), now)
        self._reloaded: list[Callable[[], None]] = []
        self.problem = ""
        self.reloads = Counter[bool]()  # by whether the files were accepted
        self.context = _context(files)
        self.context.load_cert_chain(files.certificate, files.key, _no_password)
        self.context.sni_callback = self._give_current

    @property
    def expires_at(self) -> datetime:
        """The end of the certificate that is served."""
        return self._loaded.certificate.not_valid_after_utc

    @property
    def host_names(self) -> tuple[str, ...]:
        """The DNS names of the certificate that is served, `*.suffix` among them."""
        try:
            extension = self._loaded.certificate.extensions.get_extension_for_class(
                x509.SubjectAlternativeName
            )
        except (x509.ExtensionNotFound, ValueError):
            return ()
        return tuple(extension.value.get_values_for_type(x509.DNSName))

    @property
    def client_authorities(self) -> tuple[bytes, ...]:
        """The contents of the authorities' files, in their order."""
        return self._loaded.client_authorities

    def on_reload(self, call: Callable[[], None]) -> None:
        """Call back after every change."""
        self._reloaded.append(call)

    def reload(self, *, now: datetime) -> bool:
        """Load the files again if they have changed; `problem` says why they are not used.

        Files that are wrong are tried, and counted, at every look.
        """
        try:
            octets = _read(self._files)
            if octets == self._loaded.octets:
                self.problem = ""
                return False
            loaded = _loaded(self._files, octets, now)
        except (OSError, ValueError) as error:
            if self.problem != str(error):
                _log.error("the certificate before goes on, for the new one is wrong: %s", error)
            self.problem = str(error)
            self.reloads[False] += 1
            return False
        self._loaded, self.problem = loaded, ""
        self.reloads[True] += 1
        _log.info("the API has a new certificate, valid until %s", self.expires_at)
        for call in self._reloaded:
            call()
        return True

    async def run(self, now: Callable[[], datetime], *, look_s: float = LOOK_S) -> None:
        """Reload when files have changed, looking every few seconds and on SIGHUP."""
        told, loop = asyncio.Event(), asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, told.set)
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(look_s):
                        await told.wait()
                told.clear()
                self.reload(now=now())
        finally:
            loop.remove_signal_handler(signal.SIGHUP)

    def _give_current(
        self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext
    ) -> None:
        connection.context = self._loaded.context


def _loaded(files: TLSFiles, octets: tuple[bytes, ...], now: datetime) -> _Loaded:
    """Make a context of the files, checked whole."""
    certificate, _, *authorities = octets
    served = x509.load_pem_x509_certificates(certificate)[0]
    if now > served.not_valid_after_utc:
        raise ValueError(f"{files.certificate} has expired on {served.not_valid_after_utc}")
    context = _context(files)
    try:
        context.load_cert_chain(files.certificate, files.key, _no_password)
        for path, pem in zip(files.client_authorities, authorities, strict=True):
            _require_certificates(path, pem)
            context.load_verify_locations(cadata=pem.decode("ascii"))
    except ssl.SSLError as error:
        raise ValueError(f"{files.certificate} and {files.key} cannot be used: {error}") from error
    if _read(files) != octets:
        raise ValueError("the files are being changed")
    return _Loaded(octets, context, served, tuple(authorities))


def _context(files: TLSFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[files.min_version]
    context.set_ciphers(_CIPHERS_1_2)
    context.set_alpn_protocols(_PROTOCOLS)
    context.options |= (
        ssl.OP_NO_RENEGOTIATION
        | ssl.OP_NO_COMPRESSION
        | ssl.OP_NO_TICKET
        | ssl.OP_CIPHER_SERVER_PREFERENCE
    )
    context.num_tickets = _NO_TICKETS
    # A connection keeps the mode of the listener's context, whichever context it is given.
    context.verify_mode = ssl.CERT_OPTIONAL if files.client_authorities else ssl.CERT_NONE
    # Every certificate of the file is an authority, not only one that has signed itself.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _read(files: TLSFiles) -> tuple[bytes, ...]:
    paths = (files.certificate, files.key, *files.client_authorities)
    return tuple(path.read_bytes() for path in paths)


def _require_certificates(path: Path, pem: bytes) -> None:
    try:
        x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise ValueError(f"{path} has no certificates in PEM") from error


def _no_password() -> str:
    """Refuse a key with a password, which OpenSSL would ask for on the terminal."""
    raise ValueError("the key has a password: store it without one")
