"""Client certificates: whose they are, when they count, and whom they name."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from app.api.credentials import certificates
from app.api.credentials.certificates import (
    Certificates,
    ClientCertificate,
    authenticate_certificate,
)
from app.api.credentials.claims import CREDENTIAL_ID
from app.api.credentials.outcomes import Authenticated, Failure, Method, Refused
from app.domain.access.subjects import User, authenticated
from tests.access_vectors import authn_cases
from tests.certificates import CLIENT, SERVER, UID, Authority, Issued

CLIENTS, PROXIES, OTHERS = (Authority.named(each) for each in ("clients", "proxies", "others"))
READER = Certificates(
    certificates.Authority.of(CLIENTS.pem), certificates.Authority.of(PROXIES.pem)
)
NOW = datetime.now(UTC)
KINDS = {
    "CN": NameOID.COMMON_NAME,
    "O": NameOID.ORGANIZATION_NAME,
    "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
}


def read(issued: Issued) -> ClientCertificate:
    found = READER.read(issued.der)
    assert found is not None
    return found


def outcome(issued: Issued, now: datetime = NOW) -> object:
    return authenticate_certificate(read(issued), now=now)


def user(*subject: tuple[x509.ObjectIdentifier, str]) -> User | Failure | None:
    found = outcome(CLIENTS.issue(subject))
    if isinstance(found, Refused):
        assert found.method is Method.CERTIFICATE
        return found.failure
    return found.user if isinstance(found, Authenticated) else None


def test_a_certificate_is_its_user_until_its_end() -> None:
    issued = CLIENTS.client("alice", "dev", "ops")
    certificate = read(issued)
    assert outcome(issued) == Authenticated(
        user=User(name="alice", groups=("dev", "ops"), extra={CREDENTIAL_ID: (certificate.id,)}),
        method=Method.CERTIFICATE,
        credential_id=certificate.id,
        expires_at=issued.certificate.not_valid_after_utc,
    )
    fingerprint = issued.certificate.fingerprint(SHA256()).hex()
    assert certificate.id == f"X509SHA256={fingerprint}"


@pytest.mark.parametrize("case", authn_cases("x509"))
def test_x509(case: dict[str, Any]) -> None:
    given_, expected = case["certificate"], case["expect"]
    subject = [
        (KINDS[kind], text)
        for kind, texts in given_["subject"].items()
        for text in ([texts] if isinstance(texts, str) else texts)
    ]
    issuer = CLIENTS if given_["issuer"] == "trusted" else OTHERS
    usages = [CLIENT if each == "clientAuth" else SERVER for each in given_["extendedKeyUsage"]]
    days = (-1, 30) if given_["valid"] else (-30, -1)
    issued = issuer.issue(subject, usages=usages, days=days)
    found = outcome(issued)
    if expected["outcome"] == "user":
        assert isinstance(found, Authenticated)
        named = authenticated(found.user)
        assert {"name": named.name, "groups": [*named.groups]} == expected["user"]
    elif expected["outcome"].startswith("refused"):  # and here again, behind the handshake
        assert not isinstance(found, Authenticated)
    else:
        assert isinstance(found, Authenticated)
        assert isinstance(outcome(issued, NOW + timedelta(days=31)), Refused)


@given(st.integers(-(10**7), 10**7))
def test_both_ends_of_its_time_belong_to_a_certificate(seconds: int) -> None:
    certificate = read(ALICE)
    at = NOW + timedelta(seconds=seconds)
    fault = certificate.fault_at(at)
    assert (fault is None) == (certificate.not_before <= at <= certificate.not_after)
    assert certificate.fault_at(certificate.not_before) is None
    assert certificate.fault_at(certificate.not_after) is None


ALICE = CLIENTS.client("alice")


def test_a_certificate_out_of_time_says_which() -> None:
    for days, failure in ((31, Failure.EXPIRED), (-2, Failure.NOT_YET_VALID)):
        found = outcome(ALICE, NOW + timedelta(days=days))
        assert found == Refused(failure, Method.CERTIFICATE)


CN, O, OU = KINDS.values()  # noqa: E741  as certificates spell it


@pytest.mark.parametrize(
    "subject", [[(O, "dev")], [(OU, "alice")], [(NameOID.EMAIL_ADDRESS, "a@example.org")]]
)
def test_without_a_common_name_there_is_no_opinion(
    subject: list[tuple[x509.ObjectIdentifier, str]],
) -> None:
    assert user(*subject) is None


def test_names_under_system_are_the_operators_own() -> None:
    found = user((CN, "system:node:n1"), (O, "system:nodes"))
    assert isinstance(found, User)
    assert found.node_name == "n1"


def test_the_last_common_name_counts_and_every_organisation_in_order() -> None:
    found = user((CN, "first"), (O, "b"), (CN, "last"), (O, "a"), (O, "b"))
    assert isinstance(found, User)
    assert (found.name, found.groups) == ("last", ("b", "a", "b"))


def test_a_uid_is_there_once_or_not_at_all() -> None:
    found = user((CN, "alice"), (UID, "u-1"))
    assert isinstance(found, User)
    assert found.uid == "u-1"
    assert user((CN, "alice"), (UID, "u-1"), (UID, "u-1")) is Failure.SUBJECT


def test_each_authority_is_believed_for_its_own() -> None:
    assert isinstance(outcome(CLIENTS.client("alice")), Authenticated)
    for authority in (PROXIES, OTHERS):
        assert outcome(authority.client("alice")) is None
    found = {each: read(each.client("front")) for each in (CLIENTS, PROXIES, OTHERS)}
    assert [each.is_of_clients for each in found.values()] == [True, False, False]
    assert [each.is_of_proxies for each in found.values()] == [False, True, False]


def test_another_authority_of_the_same_name_is_another() -> None:
    assert outcome(Authority.named("clients").client("alice")) is None


def test_without_authorities_no_certificate_counts() -> None:
    found = Certificates().read(ALICE.der)
    assert found is not None
    assert authenticate_certificate(found, now=NOW) is None


def test_authorities_are_one_or_more_certificates() -> None:
    both = certificates.Authority.of(PROXIES.pem + CLIENTS.pem)
    assert both.has_issued(ALICE.certificate)
    with pytest.raises(ValueError, match="PEM"):
        certificates.Authority.of(b"nothing")


@given(st.binary(max_size=200))
def test_any_octets_are_read_or_nothing(octets: bytes) -> None:
    assert READER.read(octets) is None


def test_certificates_are_read_once_and_kept_within_a_bound() -> None:
    reader = Certificates(certificates.Authority.of(CLIENTS.pem), read_max=1)
    first = reader.read(ALICE.der)
    assert reader.read(ALICE.der) is first
    reader.read(CLIENTS.client("bob").der)
    assert reader.read(ALICE.der) is not first
    assert reader.read(ALICE.der) == first
