"""Client certificates: which authority issued one, and the user that its subject names.

    PEM -> Authority          DER -> ClientCertificate
    ClientCertificate, now -> Authenticated | Refused | None, for one that names nobody

The handshake has checked the chain and the use, once for the connection; a connection outlives
certificates, so their times are compared at every request.  Which authority issued one is
checked again here, for clients and proxies have authorities of their own: what the proxies'
authority signs is no user, and what the clients' signs is no proxy.

Source: spec access 1.5; apiserver `pkg/authentication/request/x509`; RFC 5280 section 4.1.2.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import NameOID

from app.api.credentials.claims import CREDENTIAL_ID
from app.api.credentials.outcomes import Authenticated, Checked, Failure, Method, Refused
from app.domain.access.subjects import User
from app.domain.bounded import Bounded

READ_MAX: Final = 10_000  # certificates that are kept as read
_UID: Final = x509.ObjectIdentifier("1.3.6.1.4.1.57683.2")


@dataclass(frozen=True, slots=True)
class Authority:
    """The certificates that issue others: every issuer itself, not only the root."""

    certificates: tuple[x509.Certificate, ...]

    @classmethod
    def of(cls, pem: bytes) -> "Authority":
        """Read certificates in PEM; raises ValueError if there is none."""
        return cls(tuple(x509.load_pem_x509_certificates(pem)))

    def has_issued(self, certificate: x509.Certificate) -> bool:
        """Whether one of these has signed the certificate itself."""
        return any(_is_issued_by(certificate, each) for each in self.certificates)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCertificate:
    """What a certificate says, and whose it is."""

    common_name: str
    organisations: tuple[str, ...]
    uids: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    fingerprint: str  # SHA-256 in hexadecimal digits
    is_of_clients: bool
    is_of_proxies: bool

    @property
    def id(self) -> str:
        """Name the certificate for audit, as Kubernetes does."""
        return f"X509SHA256={self.fingerprint}"

    def fault_at(self, now: datetime) -> Failure | None:
        """Compare its times; both ends belong to it."""
        if now > self.not_after:
            return Failure.EXPIRED
        return Failure.NOT_YET_VALID if now < self.not_before else None


class Certificates:
    """Reads the certificates that connections show, each once."""

    def __init__(
        self,
        clients: Authority | None = None,
        proxies: Authority | None = None,
        *,
        read_max: int = READ_MAX,
    ) -> None:
        """Believe what these authorities have issued."""
        self._clients, self._proxies = clients, proxies
        self._read = Bounded[bytes, ClientCertificate | None](read_max)

    def read(self, der: bytes) -> ClientCertificate | None:
        """Read a certificate; None for one that cannot be read, which no handshake passes."""
        digest = hashlib.sha256(der).digest()
        if digest not in self._read:
            self._read[digest] = self._parsed(der, digest.hex())
        return self._read[digest]

    def _parsed(self, der: bytes, fingerprint: str) -> ClientCertificate | None:
        try:
            certificate = x509.load_der_x509_certificate(der)
            names = _texts(certificate.subject, NameOID.COMMON_NAME)
            return ClientCertificate(
                common_name=names[-1] if names else "",  # Go's reading: the last one counts
                organisations=_texts(certificate.subject, NameOID.ORGANIZATION_NAME),
                uids=_texts(certificate.subject, _UID),
                not_before=certificate.not_valid_before_utc,
                not_after=certificate.not_valid_after_utc,
                fingerprint=fingerprint,
                is_of_clients=_is_of(self._clients, certificate),
                is_of_proxies=_is_of(self._proxies, certificate),
            )
        except ValueError:
            return None


def authenticate_certificate(certificate: ClientCertificate, *, now: datetime) -> Checked | None:
    """Tell whom a certificate names; None if it is not for users, or names nobody.

    Names under `system:` are allowed, for the authority is the operator's own.
    """
    if not certificate.is_of_clients or not certificate.common_name:
        return None
    if (fault := certificate.fault_at(now)) is not None:
        return Refused(fault, Method.CERTIFICATE)
    if len(certificate.uids) > 1 or "" in certificate.uids:
        return Refused(Failure.SUBJECT, Method.CERTIFICATE, "its uid is empty, or there are two")
    user = User(
        name=certificate.common_name,
        groups=certificate.organisations,
        uid="".join(certificate.uids),
        extra={CREDENTIAL_ID: (certificate.id,)},
    )
    return Authenticated(
        user=user,
        method=Method.CERTIFICATE,
        credential_id=certificate.id,
        expires_at=certificate.not_after,
    )


def _texts(name: x509.Name, kind: x509.ObjectIdentifier) -> tuple[str, ...]:
    values: Sequence[str | bytes] = [each.value for each in name.get_attributes_for_oid(kind)]
    return tuple(value for value in values if isinstance(value, str))


def _is_of(authority: Authority | None, certificate: x509.Certificate) -> bool:
    return authority is not None and authority.has_issued(certificate)


def _is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True
