from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.discovery.resolvers import resolver_config
from app.domain.discovery.resolvers.resolver_config import ResolverConfig

READERS: list[Callable[[str], ResolverConfig]] = [
    resolver_config.glibc,
    resolver_config.musl,
    resolver_config.go,
    resolver_config.c_ares,
]


@pytest.mark.parametrize(
    ("text", "glibc", "musl", "go", "c_ares"),
    [
        ("search a b\nsearch c\n", ("c",), ("c",), ("c.",), ("c",)),
        ("search a\ndomain b\n", ("b",), ("b",), ("b.",), ("b",)),
        ("domain a b\n", ("a",), ("a", "b"), ("a.",), ("a",)),
        ("search a\nsearch\n", ("a",), (), (), ("a",)),
        (" search a\n", (), (), ("a.",), ("a",)),
        ("search a #b\n", ("a", "#b"), ("a", "#b"), ("a.", "#b."), ("a",)),
        ("search a A\n", ("a", "A"), ("a", "A"), ("a.", "A."), ("a",)),
        ("search a b\r\n", ("a", "b\r"), ("a", "b"), ("a.", "b."), ("a", "b")),
        ("search\ta\tb\n", ("a", "b"), ("a", "b"), ("a.", "b."), ("a\tb",)),
        (f"search {'a' * 250}\n", ("a" * 250,), (), (f"{'a' * 250}.",), ("a" * 250,)),
    ],
)
def test_the_search_list_is_read_differently(
    text: str,
    glibc: tuple[str, ...],
    musl: tuple[str, ...],
    go: tuple[str, ...],
    c_ares: tuple[str, ...],
) -> None:
    read = [reader(text).search for reader in READERS]
    assert read == [glibc, musl, go, c_ares]


@pytest.mark.parametrize(
    ("options", "glibc", "musl", "go", "c_ares"),
    [
        ("", 1, 1, 1, 1),
        ("ndots:3", 3, 3, 3, 3),
        ("ndots:99", 15, 15, 15, 99),
        ("ndots:-1", 15, 1, 0, 0x7FFFFFFF),
        ("ndots:", 0, 1, 0, 0),
        ("ndots:2x", 2, 2, 2, 2),
        ("ndots:3 ndots:2", 2, 3, 2, 3),
    ],
)
def test_ndots_is_read_differently(
    options: str, glibc: int, musl: int, go: int, c_ares: int
) -> None:
    read = [reader(f"options {options}\n").ndots for reader in READERS]
    assert read == [glibc, musl, go, c_ares]


@pytest.mark.parametrize(
    ("options", "glibc", "musl", "go"),
    [
        ("", (5, 2), (5, 2), (5, 2)),
        ("timeout:99 attempts:99", (30, 5), (60, 10), (99, 99)),
        ("timeout:0 attempts:0", (1, 0), (0, 0), (1, 1)),
    ],
)
def test_bounds_of_timeout_and_attempts_differ(
    options: str, glibc: tuple[int, int], musl: tuple[int, int], go: tuple[int, int]
) -> None:
    configs = [reader(f"options {options}\n") for reader in READERS[:3]]
    assert [(config.timeout_s, config.attempts) for config in configs] == [glibc, musl, go]


def test_flags_of_glibc_match_by_prefix() -> None:
    flags = resolver_config.glibc("options edns0x single-request-reopen no_tld_query\n").flags
    assert flags == {"edns0", "single-request-reopen", "no-tld-query"}


def test_comments_are_ignored() -> None:
    said = "nameserver 192.0.2.1\nsearch a.test\n"
    for reader in READERS:
        assert reader(f"# nameserver 192.0.2.7\n; search gone.test\n{said}") == reader(said)


def test_an_unknown_option_changes_nothing() -> None:
    known, unknown = "options ndots:2\n", "options color:9 ndots:2 shiny\n"
    for reader in READERS:
        assert reader(unknown) == reader(known)


def test_only_three_nameservers_count_except_for_c_ares() -> None:
    text = "".join(f"nameserver 192.0.2.{number}\n" for number in range(1, 6))
    assert [len(reader(text).nameservers) for reader in READERS] == [3, 3, 3, 5]


def test_a_line_without_an_address_is_skipped() -> None:
    text = "nameserver dns.example\nnameserver fe80::1%eth0\n"
    assert {reader(text).nameservers for reader in READERS} == {("fe80::1%eth0",)}


def test_without_nameservers_the_machine_itself_is_asked() -> None:
    assert [reader("").nameservers for reader in READERS] == [
        ("127.0.0.1",),
        ("127.0.0.1",),
        ("127.0.0.1", "::1"),
        ("127.0.0.1",),
    ]


def test_without_a_search_list_the_domain_of_the_host_name_is_searched() -> None:
    read = [
        reader("", hostname="h1.corp.test").search
        for reader in (resolver_config.glibc, resolver_config.go, resolver_config.c_ares)
    ]
    assert read == [("corp.test",)] * 3


def test_the_environment_replaces_the_list_and_comes_after_the_options_in_glibc() -> None:
    config = resolver_config.glibc(
        "search a\noptions ndots:1\n", local_domain="e1 e2", res_options="ndots:3"
    )
    assert (config.search, config.ndots) == (("e1", "e2"), 3)
    assert resolver_config.glibc("search a\n", local_domain="").search == ("",)


def test_the_environment_comes_first_in_c_ares() -> None:
    config = resolver_config.c_ares(
        "search a\noptions ndots:1\n", local_domain="e1", res_options="ndots:3"
    )
    assert (config.search, config.ndots) == (("e1",), 3)
    assert resolver_config.c_ares("search a\n", local_domain="").search == ("a",)


@pytest.mark.parametrize("reader", READERS)
@given(text=st.text(alphabet=st.sampled_from("serchndotpins:#; \t\r\n.127a-0"), max_size=120))
def test_any_text_is_a_configuration_within_bounds(
    reader: Callable[[str], ResolverConfig], text: str
) -> None:
    config = reader(text)
    assert config.nameservers
    assert config.ndots >= 0
    assert config.attempts >= 0
