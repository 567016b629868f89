"""Certificates of authorities that exist for one test."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CLIENT, SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH
UID = x509.ObjectIdentifier("1.3.6.1.4.1.57683.2")
Attributes = Sequence[tuple[x509.ObjectIdentifier, str]]


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def saved(self, folder: Path, name: str) -> tuple[Path, Path]:
        """Write certificate and key, and give their paths."""
        paths = folder / f"{name}.crt", folder / f"{name}.key"
        paths[0].write_bytes(self.pem)
        paths[1].write_bytes(self.key_pem)
        return paths


@dataclass(frozen=True, slots=True)
class Authority(Issued):
    """An authority that signs certificates."""

    @classmethod
    def named(cls, name: str) -> Self:
        """Make an authority with a key of its own."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        built = (
            _begun(subject, subject, key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_ca_usage(), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
        )
        return cls(built.sign(key, hashes.SHA256()), key)

    def issue(
        self,
        subject: Attributes,
        *,
        usages: Sequence[x509.ObjectIdentifier] = (CLIENT,),
        days: tuple[float, float] = (-1, 30),
        hosts: Sequence[str] = (),
    ) -> Issued:
        """Sign a certificate that is valid between two days from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(oid, text) for oid, text in subject])
        built = _begun(name, self.certificate.subject, key, days)
        if usages:
            built = built.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        if hosts:
            names = x509.SubjectAlternativeName([_general_name(host) for host in hosts])
            built = built.add_extension(names, critical=False)
        return Issued(built.sign(self.key, hashes.SHA256()), key)

    def server(self, *hosts: str, days: tuple[float, float] = (-1, 30)) -> Issued:
        """Sign the certificate of a server."""
        subject = [(NameOID.COMMON_NAME, hosts[0])]
        return self.issue(subject, usages=(SERVER,), hosts=hosts, days=days)

    def client(
        self, name: str, *organisations: str, days: tuple[float, float] = (-1, 30)
    ) -> Issued:
        """Sign the certificate of a client."""
        subject = [
            *((NameOID.ORGANIZATION_NAME, each) for each in organisations),
            (NameOID.COMMON_NAME, name),
        ]
        return self.issue(subject, days=days)


def _begun(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    days: tuple[float, float] = (-1, 30),
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _ca_usage() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
