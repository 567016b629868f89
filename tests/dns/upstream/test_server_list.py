"""Nameservers of a setting: which are used, which are ignored, and the messages about them."""

import logging
import pickle
import socket
from ipaddress import IPv6Address, ip_address
from pathlib import Path

import pytest

from app.dns.upstream.server_list import (
    SERVERS_MAX,
    Server,
    ServerList,
    Unusable,
    parse_server,
    read_servers,
    usable,
)

SETTING = "WAYPOST_DNS_UPSTREAMS"
LOOPBACK = socket.if_indextoname(1)  # an interface that every machine has


def a_file(folder: Path, text: str) -> str:
    path = folder / "resolv.conf"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("text", "address", "port", "written"),
    [
        ("192.0.2.1", "192.0.2.1", 53, "192.0.2.1:53"),
        ("192.0.2.1:5353", "192.0.2.1", 5353, "192.0.2.1:5353"),
        ("2001:db8::1", "2001:db8::1", 53, "[2001:db8::1]:53"),
        ("[2001:db8::1]", "2001:db8::1", 53, "[2001:db8::1]:53"),
        ("[2001:DB8::1]:54", "2001:db8::1", 54, "[2001:db8::1]:54"),
        (f"fe80::1%{LOOPBACK}", f"fe80::1%{LOOPBACK}", 53, f"[fe80::1%{LOOPBACK}]:53"),
        (f"[fe80::1%{LOOPBACK}]:54", f"fe80::1%{LOOPBACK}", 54, f"[fe80::1%{LOOPBACK}]:54"),
        ("fe80::1%1", "fe80::1%1", 53, "[fe80::1%1]:53"),
    ],
)
def test_a_server_is_parsed_and_written(text: str, address: str, port: int, written: str) -> None:
    server = parse_server(text)
    assert server == Server(ip_address(address), port)
    assert str(server) == written
    assert parse_server(written) == server
    assert pickle.loads(pickle.dumps(server)) == server  # noqa: S301  as workers get it


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not an address"),
        ("dns.example.com", "not an address"),
        ("192.0.2.256", "not an address"),
        ("192.0.2.1%lo", "not an address"),
        ("fe80::1%", "not an address"),
        ("fe80::1%a%b", "not an address"),
        ("192.0.2.1,192.0.2.2", "not an address"),
        ("192.0.2.1:0", "no port"),
        ("192.0.2.1:65536", "no port"),
        ("192.0.2.1:x", "no port"),
        ("[2001:db8::1]:", "no port"),
        ("fe80::1", "on one link only"),
        ("[fe80::1]:53", "on one link only"),
        ("fe80::1%nosuchlink", "no interface nosuchlink"),
        ("fe80::1%99999", "no interface 99999"),
        ("224.0.0.251", "multicast or broadcast"),
        ("ff02::fb%1", "multicast or broadcast"),
        ("255.255.255.255", "multicast or broadcast"),
    ],
)
def test_an_unusable_entry_has_a_reason(text: str, reason: str) -> None:
    with pytest.raises(Unusable, match=reason):
        parse_server(text)


@pytest.mark.parametrize("zone", [LOOPBACK, "1"])
def test_the_zone_of_an_address_is_used_for_the_socket(zone: str) -> None:
    server = parse_server(f"[fe80::1%{zone}]:5353")
    assert server.family == socket.AF_INET6
    host, *rest = server.socket_address
    assert (IPv6Address(host).scope_id, rest) == (zone, [5353, 0, 1])
    assert parse_server("2001:db8::1").socket_address == ("2001:db8::1", 53, 0, 0)
    assert parse_server("192.0.2.1").socket_address == ("192.0.2.1", 53)


def test_nameserver_lines_of_a_file_are_used(tmp_path: Path) -> None:
    path = a_file(
        tmp_path,
        "# nameserver 192.0.2.9\nsearch lan\n  nameserver\t192.0.2.1 # the first\r\n"
        "nameserver 2001:db8::1\noptions ndots:2\nnameserver 192.0.2.1\n",
    )
    found = read_servers(["198.51.100.1:54", path])
    assert list(map(str, found.servers)) == [
        "198.51.100.1:54",
        "192.0.2.1:53",
        "[2001:db8::1]:53",
    ]
    assert found.problems == ()


def test_ignored_entries_are_reported_with_their_place(tmp_path: Path) -> None:
    path = a_file(tmp_path, "nameserver fe80::1\nnameserver 192.0.2.1\nnameserver\n")
    found = read_servers(["dns.example.com", path, str(tmp_path / "none"), str(tmp_path)])
    assert list(map(str, found.servers)) == ["192.0.2.1:53"]
    assert found.problems == (
        "'dns.example.com' is not an address",
        f"{path} line 1: fe80::1 is valid on one link only: write it with its zone, fe80::1%eth0",
        f"{path} line 3: '' is not an address",
        f"{tmp_path / 'none'} cannot be read: No such file or directory",
        f"{tmp_path} cannot be read: Is a directory",
    )


def test_this_server_itself_is_ignored() -> None:
    own = parse_server("127.0.0.1:1053")
    found = read_servers(["127.0.0.1:1053", "127.0.0.1:53"], own=(own,))
    assert list(map(str, found.servers)) == ["127.0.0.1:53"]
    assert found.problems == ("127.0.0.1:1053 is this server itself",)


def test_servers_above_the_maximum_are_ignored() -> None:
    found = read_servers([f"192.0.2.{last}" for last in range(1, SERVERS_MAX + 3)])
    assert len(found.servers) == SERVERS_MAX
    assert found.problems == (
        f"192.0.2.{SERVERS_MAX + 1}:53 is one more than {SERVERS_MAX}",
        f"192.0.2.{SERVERS_MAX + 2}:53 is one more than {SERVERS_MAX}",
    )


@pytest.mark.parametrize(
    "text", ["nameserver fe80::1%nosuchlink\n", "nameserver dns.example.com", "search lan\n", ""]
)
def test_a_file_without_a_usable_server_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    path = a_file(tmp_path, text)
    with pytest.raises(ValueError, match="names no usable nameserver") as refused:
        usable(SETTING, read_servers([path]))
    assert str(refused.value).startswith(f"{SETTING} ")
    assert path in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("entries", [["dns.example.com"], ["fe80::1", "192.0.2.1:0"], ["/no/file"]])
def test_a_list_without_a_usable_server_is_refused_in_one_line(entries: list[str]) -> None:
    with pytest.raises(ValueError, match=f"^{SETTING} names no usable nameserver") as refused:
        usable(SETTING, read_servers(entries))
    assert all(entry in str(refused.value) for entry in entries)


def test_usable_servers_are_used_and_the_rest_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    found = read_servers(["192.0.2.1", "dns.example.com"])
    assert usable(SETTING, found) == (parse_server("192.0.2.1"),)
    warning, said = caplog.records
    assert (warning.levelname, said.levelname) == ("WARNING", "INFO")
    assert SETTING in warning.message
    assert "'dns.example.com' is not an address" in warning.message
    assert said.message == f"{SETTING}: using nameservers 192.0.2.1:53"


def test_an_empty_setting_is_no_problem(caplog: pytest.LogCaptureFixture) -> None:
    assert usable(SETTING, read_servers([])) == ()
    assert usable(SETTING, ServerList()) == ()
    assert caplog.records == []
