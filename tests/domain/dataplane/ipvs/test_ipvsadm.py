"""Virtual servers as ipvsadm writes them, and as it lists them."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.addresses import IPFamily
from app.domain.dataplane.ipvs.ipvsadm import encode_servers, parse_servers
from app.domain.dataplane.ipvs.virtual_server import (
    FOREIGN_WEIGHT,
    Flag,
    VirtualServer,
    server_key,
)
from app.domain.errors import BadRequest
from tests.builders import a_destination


def one(text: str) -> VirtualServer:
    (server,) = parse_servers(text).values()
    return server


def test_a_listing_reads_back_as_what_was_written() -> None:
    text = (
        "-A -t 10.96.0.10:53 -s rr\n"
        "-a -t 10.96.0.10:53 -r 10.244.0.2:53 -m -w 1\n"
        "-A -u 10.96.0.10:53 -s rr -p 10800\n"
        "-a -u 10.96.0.10:53 -r 10.244.0.2:53 -m -w 0\n"
        "-A --sctp-service [fd00:10:96::b]:3868 -s mh -p 300 -b mh-port\n"
        "-a --sctp-service [fd00:10:96::b]:3868 -r [fd00:10:244::5]:3868 -m -w 1\n"
    )
    assert encode_servers(parse_servers(text).values()) == text


def test_what_a_line_leaves_out_is_what_ipvsadm_takes() -> None:
    server = one("ipvsadm -A -t 10.96.0.10:53 -p\n-a -t 10.96.0.10:53 -r 10.244.0.2 -m\n")
    assert (server.scheduler, server.persistence_s) == ("wlc", 300)
    assert server.real_servers == (a_destination("10.244.0.2", 0, 1),)


def test_settings_we_never_make_are_seen() -> None:
    server = one("-A -u 10.96.0.10:53 -s sh -p 60 -M 255.255.255.0 --pe sip -o -b sh-port\n")
    assert server.flags == (
        Flag.PERSISTENT,
        "sh-port",
        "one-packet",
        "pe sip",
        "netmask 255.255.255.0",
    )


@pytest.mark.parametrize("forwarding", ["-g", "-i", "-i --tun-type ipip", ""])
def test_forwarding_other_than_masquerading_is_seen(forwarding: str) -> None:
    text = f"-A -t 10.96.0.10:53 -s rr\n-a -t 10.96.0.10:53 -r 10.244.0.2:53 {forwarding} -w 1\n"
    assert one(text).real_servers == (a_destination("10.244.0.2", 53, FOREIGN_WEIGHT),)


def test_servers_of_a_firewall_mark_and_remarks_are_left_out() -> None:
    assert parse_servers("# saved\n\n-A -f 1 -s rr\n-a -f 1 -r 10.0.0.1:0 -m -w 1\n") == {}


def test_real_servers_are_sorted_by_number() -> None:
    text = "-A -t 10.96.0.10:53 -s rr\n" + "".join(
        f"-a -t 10.96.0.10:53 -r 10.244.0.{n}:53 -m -w 1\n" for n in (10, 9)
    )
    assert [address for address, _, _ in one(text).real_servers] == ["10.244.0.9", "10.244.0.10"]


@pytest.mark.parametrize(
    "line",
    [
        "-A",
        "-A -t",
        "-A -t nowhere:80 -s rr",
        "-A -t 10.0.0.1:x -s rr",
        "-A -t 10.0.0.1:70000 -s rr",
        "-A -x 10.0.0.1:80 -s rr",
        "-D -t 10.0.0.1:80",
        "-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 1",
        "-A -t [fd00::1:80 -s rr",
        "TCP  10.0.0.1:80 rr",
        "-A -t 10.0.0.1:80 -s rr\n-a -t 10.0.0.1:80 -m",
        "-A -t 10.0.0.1:80 -s rr\n-a -t 10.0.0.1:80 -r 10.0.0.300:80 -m -w 1",
        "-A -t 10.0.0.1:80 -s rr\n-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w heavy",
    ],
)
def test_what_is_no_listing_is_refused(line: str) -> None:
    with pytest.raises(BadRequest):
        parse_servers(line)


@given(st.text(max_size=60) | st.text("-AatuwrmsTCP []:.0123456789\n", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(BadRequest):
        parse_servers(text)


addresses = st.sampled_from([(IPFamily.IPV4, "10.0.0.{}"), (IPFamily.IPV6, "fd00::{}")])


@st.composite
def servers(draw: st.DrawFn) -> VirtualServer:
    family, pattern = draw(addresses)
    persistence_s = draw(st.none() | st.integers(1, 86_400))
    scheduler = draw(st.sampled_from(["rr", "wrr", "mh"]))
    flags: tuple[str, ...] = () if persistence_s is None else (Flag.PERSISTENT,)
    places = draw(st.lists(st.integers(1, 9), max_size=3, unique=True).map(sorted))
    return VirtualServer(
        key=server_key(
            family,
            draw(st.sampled_from(["TCP", "UDP", "SCTP"])),
            pattern.format(draw(st.integers(1, 9))),
            draw(st.integers(1, 65_535)),
        ),
        scheduler=scheduler,
        flags=(*flags, Flag.MH_PORT) if scheduler == "mh" else flags,
        persistence_s=persistence_s,
        real_servers=tuple(
            a_destination(pattern.format(place), 80, draw(st.integers(0, 65_535)))
            for place in places
        ),
    )


@given(st.lists(servers(), max_size=5, unique_by=lambda server: server.key))
def test_what_is_written_reads_back(given_servers: list[VirtualServer]) -> None:
    assert list(parse_servers(encode_servers(given_servers)).values()) == given_servers
