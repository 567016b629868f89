"""Rules for a Pod's DNS policy and its additions to resolv.conf.

    policy, config -> violations

The limits hold for the configuration alone; a composed resolv.conf is truncated, not
refused.  Source: spec resolver 9.4.
"""

import re
from collections.abc import Iterable

from app.domain.errors import Violation
from app.domain.names import SUBDOMAIN_LENGTH_MAX
from app.domain.objects.pod import DNSConfig, DNSPolicy
from app.domain.registration.validation.addresses import address_violations
from app.domain.violations import invalid, not_supported, required

NAMESERVERS_MAX = 3
SEARCHES_MAX = 32
SEARCH_LIST_LENGTH_MAX = 2_048  # characters, with one space between domains

_FIELD = "spec.dnsConfig"
_POLICIES = frozenset(DNSPolicy)
_SEARCH_LABEL = r"_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_SEARCH = re.compile(rf"{_SEARCH_LABEL}(\.{_SEARCH_LABEL})*\Z")
_SEARCH_RULE = (
    "must consist of lower case alphanumeric characters, '-', '_' or '.', and every label must "
    "end with an alphanumeric character"
)


def dns_violations(policy: str, config: DNSConfig | None) -> Iterable[Violation]:
    """List what is wrong with a Pod's DNS policy and configuration."""
    if policy not in _POLICIES:
        yield not_supported("spec.dnsPolicy", policy, _POLICIES)
    if policy == DNSPolicy.NONE:
        if config is None:
            yield required(_FIELD, "must provide `dnsConfig` when `dnsPolicy` is None")
            return
        if not config.nameservers:
            detail = "must provide at least one DNS nameserver when `dnsPolicy` is None"
            yield required(f"{_FIELD}.nameservers", detail)
            return
    if config is not None:
        yield from _nameserver_violations(config.nameservers)
        yield from search_violations(f"{_FIELD}.searches", config.searches)
        for index, (name, _) in enumerate(config.options):
            if not name:
                yield required(f"{_FIELD}.options[{index}]", "must not be empty")


def search_violations(field: str, searches: tuple[str, ...]) -> Iterable[Violation]:
    """List what is wrong with a search list; a single dot is the root."""
    if len(searches) > SEARCHES_MAX:
        yield invalid(field, searches, f"must not have more than {SEARCHES_MAX} search paths")
    if len(" ".join(searches)) > SEARCH_LIST_LENGTH_MAX:
        detail = (
            f"must not have more than {SEARCH_LIST_LENGTH_MAX} characters (including spaces) "
            "in the search list"
        )
        yield invalid(field, searches, detail)
    for index, search in enumerate(searches):
        if search == ".":
            continue
        domain = search.removesuffix(".")
        path = f"{field}[{index}]"
        if len(domain) > SUBDOMAIN_LENGTH_MAX:
            detail = f"must be no more than {SUBDOMAIN_LENGTH_MAX} characters"
            yield invalid(path, search, detail)
        if not _SEARCH.match(domain):
            yield invalid(path, search, _SEARCH_RULE)


def _nameserver_violations(nameservers: tuple[str, ...]) -> Iterable[Violation]:
    field = f"{_FIELD}.nameservers"
    if len(nameservers) > NAMESERVERS_MAX:
        detail = f"must not have more than {NAMESERVERS_MAX} nameservers"
        yield invalid(field, nameservers, detail)
    for index, text in enumerate(nameservers):
        yield from address_violations(f"{field}[{index}]", text)
