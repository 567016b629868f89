"""Allowed destinations of probes."""

import pytest

from app.domain.registration.health.probe_destinations import NotAllowed, ProbeDestinations

POD = ("10.0.0.1", "fd00::1")


@pytest.mark.parametrize(
    ("host", "destination"),
    [
        ("", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.1"),
        ("010.0.0.1", "10.0.0.1"),
        ("fd00::1", "fd00::1"),
        ("FD00:0::0001", "fd00::1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
    ],
)
def test_a_pods_own_addresses_are_allowed_however_they_are_written(
    host: str, destination: str
) -> None:
    assert ProbeDestinations().of(host, POD) == destination


LOCAL = (
    "127.0.0.1",
    "127.9.9.9",
    "::1",
    "169.254.169.254",
    "fe80::1",
    "0.0.0.0",  # noqa: S104  refused
    "::",
    "::ffff:127.0.0.1",
)


@pytest.mark.parametrize(
    "host",
    [
        *LOCAL,
        "10.0.0.2",
        "fd00::2",
        "localhost",
        "db",
        "127.1",
        "2130706433",
        "fe80::1%lo",
        "a\x00b",
    ],
)
def test_every_other_host_is_refused_with_the_name_of_the_setting(host: str) -> None:
    with pytest.raises(
        NotAllowed, match=r"^not probed: .*WAYPOST_PROBE_OTHER_HOSTS does not list it"
    ):
        ProbeDestinations().of(host, POD)


@pytest.mark.parametrize("address", LOCAL)
def test_addresses_of_the_probers_own_machine_or_link_are_refused(address: str) -> None:
    for host in ("", address):
        with pytest.raises(NotAllowed, match="own machine or link"):
            ProbeDestinations().of(host, (address,))


@pytest.mark.parametrize(
    ("entries", "host", "destination"),
    [
        (["10.1.0.0/16"], "10.1.2.3", "10.1.2.3"),
        (["10.1.2.3"], "10.1.2.3", "10.1.2.3"),
        (["127.0.0.0/8"], "127.0.0.1", "127.0.0.1"),
        (["127.0.0.0/8"], "::ffff:127.0.0.1", "127.0.0.1"),
        (["::1"], "0::1", "::1"),
        (["DB.example."], "db.EXAMPLE", "db.EXAMPLE"),
        (["0.0.0.0/0", "::/0"], "fe80::1", "fe80::1"),
    ],
)
def test_listed_hosts_are_allowed(entries: list[str], host: str, destination: str) -> None:
    assert ProbeDestinations(entries).of(host, POD) == destination


def test_a_range_does_not_allow_names_that_may_resolve_into_it() -> None:
    with pytest.raises(NotAllowed):
        ProbeDestinations(["0.0.0.0/0", "::/0"]).of("localhost", POD)


@pytest.mark.parametrize("entry", ["", "10.0.0.0/33", "a b", "http://x", "x:80", "*", "-x"])
def test_an_invalid_entry_is_refused_immediately(entry: str) -> None:
    with pytest.raises(ValueError, match="no address, range"):
        ProbeDestinations([entry])
