"""musl's lookups: the errors for names without records."""

import pytest

from app.domain.discovery.resolvers.lookup import Host, Lookup, Outcome, Status
from app.domain.discovery.resolvers.stub_resolver import Profile, resolve
from tests.resolver_vectors import Nameservers, Zone

CONF = "nameserver 192.0.2.1\nsearch a.test\n"
ZONE: Zone = {
    "text.test": {"TXT": ['"hello"']},
    "bare.test": {"A": ["192.0.2.80"]},
    "broken.test": "SERVFAIL",
}
RELEASES = [Profile.MUSL, Profile.MUSL_1_2_3]


def asked(profile: Profile, name: str, qtype: str) -> Outcome:
    servers = Nameservers(zone=ZONE, zones=dict[str, Zone](), closed=frozenset())
    return resolve(profile, Lookup(name=name, qtype=qtype), Host(resolv_conf=CONF), servers.ask)


@pytest.mark.parametrize("profile", RELEASES)
@pytest.mark.parametrize(
    ("name", "error", "status"),
    [
        ("text.test", "", Status.NOERROR),
        ("bare.test", "NO_DATA", Status.NODATA),
        ("nobody.test", "HOST_NOT_FOUND", Status.NXDOMAIN),
        ("broken.test", "TRY_AGAIN", Status.SERVFAIL),
        # The search list is not used for records of other types.
        ("text", "HOST_NOT_FOUND", Status.NXDOMAIN),
    ],
)
def test_a_query_for_records_ends_in_a_code_of_h_errno(
    profile: Profile, name: str, error: str, status: Status
) -> None:
    outcome = asked(profile, name, "TXT")
    assert (outcome.error, outcome.status) == (error, status)
