"""Names: labels, subdomains, port names, keys, and absolute domain names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.names import (
    SEGMENT_LENGTH_MAX,
    DomainName,
    MalformedName,
    NamespacedName,
    label_1035_problems,
    label_problems,
    parse_domain,
    parse_namespaced_name,
    path_segment_problems,
    port_name_problems,
    subdomain_problems,
)

octets = st.integers(0, 255).map(chr)
dns_labels = st.lists(octets, min_size=1, max_size=63).map("".join)
domains = st.lists(dns_labels, max_size=3).map(lambda labels: DomainName(tuple(labels)))
names = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,8}[a-z0-9])?", fullmatch=True)


@pytest.mark.parametrize("name", ["a", "web", "1st", "a-b", "a" * 63, "0"])
def test_a_label_is_accepted(name: str) -> None:
    assert label_problems(name) == ()


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("", 1),
        ("A", 1),
        ("a.b", 1),
        ("-a", 1),
        ("a-", 1),
        ("a_b", 1),
        ("a\n", 1),
        ("ä", 1),
        ("A" * 64, 2),
    ],
)
def test_a_bad_label_is_refused_once_for_each_rule(name: str, count: int) -> None:
    assert len(label_problems(name)) == count


def test_the_older_rule_requires_a_letter_at_the_start() -> None:
    assert label_1035_problems("a1") == ()
    assert len(label_1035_problems("1a")) == 1
    assert len(label_1035_problems("1" * 64)) == 2


@pytest.mark.parametrize(
    ("text", "key"),
    [("shop/web", NamespacedName("shop", "web")), ("n1", NamespacedName("", "n1"))],
)
def test_a_key_has_a_namespace_or_is_cluster_scoped(text: str, key: NamespacedName) -> None:
    assert parse_namespaced_name(text) == key


@pytest.mark.parametrize(
    ("name", "count"),
    [("a.b-c.0", 0), ("a" * 253, 0), ("a" * 254, 1), ("a..b", 1), (".a", 1), ("a.", 1), ("", 1)],
)
def test_a_subdomain_has_labels_between_dots(name: str, count: int) -> None:
    assert len(subdomain_problems(name)) == count


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("http", 0),
        ("a" * 15, 0),
        ("8080-tcp", 0),
        ("a" * 16, 1),
        ("8080", 1),
        ("a--b", 1),
        ("-a", 1),
        ("HTTP", 2),  # no characters of the alphabet, and so no letter
        ("", 2),
        ("--" * 8, 4),
    ],
)
def test_a_port_name_is_an_iana_service_name(name: str, count: int) -> None:
    assert len(port_name_problems(name)) == count


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("system:node", 0),
        ("Any name é", 0),
        ("...", 0),
        ("x" * SEGMENT_LENGTH_MAX, 0),
        (".", 1),
        ("..", 1),
        ("a/b", 1),
        ("a/b%", 2),
        ("a\0", 1),
        ("a\x7f", 1),
        ("a\ud800", 1),
        ("x" * (SEGMENT_LENGTH_MAX + 1), 1),
    ],
)
def test_a_segment_of_a_path_has_neither_slash_nor_percent_sign(name: str, count: int) -> None:
    assert len(path_segment_problems(name)) == count


@given(st.one_of(st.just(""), names), names)
def test_a_key_is_parsed_as_it_is_formatted(namespace: str, name: str) -> None:
    key = NamespacedName(namespace, name)
    assert parse_namespaced_name(str(key)) == key


@given(domains)
def test_a_domain_name_is_parsed_as_it_is_formatted(name: DomainName) -> None:
    assert parse_domain(str(name)).labels == name.labels


@given(domains)
def test_letter_case_is_ignored_in_comparison_and_kept(name: DomainName) -> None:
    shouted = DomainName(
        tuple("".join(c.upper() if c.isascii() else c for c in label) for label in name.labels)
    )
    assert shouted == name
    assert hash(shouted) == hash(name)
    assert parse_domain(str(shouted)).labels == shouted.labels


@given(domains, domains)
def test_a_name_under_another_is_its_relative_labels_and_the_other(
    a: DomainName, b: DomainName
) -> None:
    try:
        joined = DomainName(a.labels + b.labels)
    except MalformedName:
        return
    assert joined.is_under(b)
    assert joined.relative_to(b) == a.labels
    assert b.is_under(joined) == (not a.labels)


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        (".", ()),
        ("", ()),
        ("ent", ("ent",)),
        ("ent.", ("ent",)),
        ("Ent.Default.", ("Ent", "Default")),
        (r"a\.b.c", ("a.b", "c")),
        (r"\065\000", ("A\0",)),
        (r"\255", ("\xff",)),
    ],
)
def test_the_presentation_form_is_parsed(text: str, labels: tuple[str, ...]) -> None:
    assert parse_domain(text).labels == labels


@pytest.mark.parametrize(
    "text",
    [
        "a..b",
        ".a",
        "..",
        "a" * 64,
        ".".join(["a" * 63] * 4),
        r"\256",
        "\\",
        "a\\",
        "日本",
        "ä" * 64,
    ],
)
def test_other_text_is_not_a_domain_name(text: str) -> None:
    with pytest.raises(MalformedName):
        parse_domain(text)


def test_a_name_of_255_octets_is_the_longest() -> None:
    longest = DomainName(("a" * 63, "a" * 63, "a" * 63, "a" * 61))
    assert len(str(longest)) == 254
    with pytest.raises(MalformedName):
        DomainName(("a" * 63, "a" * 63, "a" * 63, "a" * 62))


@given(st.text(max_size=80))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        name = parse_domain(text)
    except MalformedName:
        return
    assert parse_domain(str(name)) == name
