"""Advice on a resolution and on the resolv.conf that it used.

    ResolvConf + Profile -> lint -> Advice
    Resolved             -> advise -> Advice

Every rule is a function that yields messages; codes are those of spec dns B3.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from app.domain.addresses import parse_address
from app.domain.discovery.resolution import Profile, Resolved
from app.domain.discovery.resolvers.lookup import Decision, Status, Step
from app.domain.discovery.resolvers.resolv_conf import (
    NAMESERVERS_MAX,
    SEARCH_LINE_LENGTH_MAX,
    SEARCHES_MAX,
    ResolvConf,
)
from app.domain.discovery.resolvers.resolver_config import MUSL_LINE_LENGTH_MAX, NDOTS_MAX
from app.domain.names import SUBDOMAIN_LENGTH_MAX

OLD_SEARCHES_MAX = 6  # glibc before 2.26, Kubernetes before 1.26
OLD_SEARCH_LENGTH_MAX = 256  # characters
PATIENCE_S = 30  # a lookup that may wait longer gets advice
COUNTRY_LENGTH = 2  # letters of a country's top-level domain
GENERIC_TOP_LEVELS = frozenset(
    {"app", "arpa", "biz", "cloud", "com", "dev", "edu", "gov", "info", "net", "org", "xyz"}
)
KNOWN_OPTIONS = frozenset(
    {
        *("ndots", "timeout", "attempts", "rotate", "use-vc", "edns0", "trust-ad", "no-aaaa"),
        *("single-request", "single-request-reopen", "no-tld-query", "no-reload", "inet6"),
        *("debug", "no-check-names", "strict-error"),
    }
)
IGNORED_BY_MUSL = (
    *("rotate", "use-vc", "edns0", "single-request", "single-request-reopen"),
    *("no-tld-query", "trust-ad", "no-aaaa"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """One remark: the code of its rule and a sentence."""

    code: str
    message: str


def lint(conf: ResolvConf, profile: Profile) -> tuple[Advice, ...]:
    """Report what this resolver does otherwise than the file suggests."""
    cut = tuple(Advice(code="L2", message=warning) for warning in conf.warnings)
    remarks = (
        Advice(code=code, message=message)
        for code, rule in _CONF_RULES
        for message in rule(conf, profile)
    )
    return (*cut, *remarks)


def advise(resolved: Resolved) -> tuple[Advice, ...]:
    """Report wasted queries and a better spelling of the name; then lint."""
    remarks = tuple(
        Advice(code=code, message=message)
        for code, rule in _RESOLUTION_RULES
        for message in rule(resolved)
    )
    return (*remarks, *lint(resolved.conf, resolved.asked.profile))


def is_musl(profile: Profile) -> bool:
    """Whether a profile is one of the releases of musl."""
    return profile in (Profile.MUSL, Profile.MUSL_1_2_3)


def _wasted(resolved: Resolved) -> Iterator[str]:
    steps = resolved.outcome.steps
    last = steps[-1].query.name if steps else None
    wasted = [step for step in steps if step.query.name != last]
    if not wasted:
        return
    if _is_hit(steps[-1]):
        yield (
            f"{len(wasted)} of {len(steps)} queries found nothing before {last} answered; "
            f"a trailing dot saves them: write {last}"
        )
    else:
        yield (
            f"{len(steps)} queries found nothing; if the name is complete, a trailing dot "
            f"leaves only those for {resolved.lookup.name}."
        )


def _external_names(resolved: Resolved) -> Iterator[str]:
    steps = resolved.outcome.steps
    if not steps or not _is_hit(steps[-1]) or steps[-1].query.source != "as-is":
        return
    dots = resolved.lookup.name.count(".")
    if len({step.query.name for step in steps}) > 1 and 0 < dots < _ndots(resolved.conf):
        yield f"with options ndots:{dots} in its dnsConfig the Pod would try this name as is first"


def _unsearched_on_musl(resolved: Resolved) -> Iterator[str]:
    dots, ndots = resolved.lookup.name.count("."), _ndots(resolved.conf)
    is_searchable = not resolved.lookup.name.endswith(".") and bool(resolved.conf.search)
    has_failed = resolved.outcome.status is not Status.NOERROR
    if is_musl(resolved.asked.profile) and has_failed and is_searchable and dots >= ndots:
        yield (
            f"musl never searches a name with {dots} dots under ndots:{ndots}; "
            "other C libraries would go on to the search list"
        )


def _stolen_by_a_wildcard(resolved: Resolved) -> Iterator[str]:
    steps = resolved.outcome.steps
    if not steps or not _is_hit(steps[-1]) or "." not in resolved.lookup.name:
        return
    position = _search_position(steps[-1])
    if position is not None and position >= _own_searches(resolved.conf):
        domain = resolved.conf.search[position]
        yield f"the search domain {domain} answered for {resolved.lookup.name}: a wildcard?"


def _too_long(resolved: Resolved) -> Iterator[str]:
    name = resolved.lookup.name.removesuffix(".")
    too_long = [
        domain
        for domain in resolved.conf.search
        if len(name) + 1 + len(domain.removesuffix(".")) > SUBDOMAIN_LENGTH_MAX
    ]
    if too_long and not resolved.lookup.name.endswith("."):
        yield (
            f"with {', '.join(too_long)} the name has over {SUBDOMAIN_LENGTH_MAX} characters: "
            "glibc skips the rest of the list, musl and Go that domain, c-ares fails"
        )


def _patience(resolved: Resolved) -> Iterator[str]:
    conf = resolved.conf
    candidates = len(conf.search) + 1
    servers = min(len(conf.nameservers), NAMESERVERS_MAX)
    wait_s = _number(conf, "timeout", 5) * _number(conf, "attempts", 2) * candidates * servers
    if wait_s > PATIENCE_S and resolved.outcome.status is Status.TIMEOUT:
        yield (
            f"without replies a lookup may wait {wait_s} s: timeout * attempts * "
            f"{candidates} names * {servers} servers"
        )


def _cut_answers(resolved: Resolved) -> Iterator[str]:
    """Warn of names with more addresses than fit into a datagram."""
    steps = resolved.outcome.steps
    cut = {step.query.name: step for step in steps if step.reply.is_truncated}
    for name, step in cut.items():
        qtype, fit = step.query.qtype, len(step.reply.records)
        alike = (each for each in steps if each.query.name == name)
        whole = max(len(each.reply.records) for each in alike if each.query.qtype == qtype)
        problem = f"only {fit} of the answers for {name} fit into {step.query.udp_bytes} octets"
        if whole > fit:
            yield (
                f"{problem}, so that it is asked for again over TCP to get all {whole}; "
                f"{_more_room(resolved)}the name of a Service with a ClusterIP has one"
            )
        else:
            resolver = resolved.asked.profile.value
            yield f"{problem}, and {resolver} never asks for the others over TCP"


def _more_room(resolved: Resolved) -> str:
    is_without = "edns0" not in dict(resolved.conf.options)
    if resolved.asked.profile is Profile.GLIBC and is_without:
        return "options edns0 in the Pod's dnsConfig makes room for more, "
    return ""


def _many_nameservers(conf: ResolvConf, profile: Profile) -> Iterator[str]:
    if len(conf.nameservers) > NAMESERVERS_MAX and profile is not Profile.C_ARES:
        yield f"only the first {NAMESERVERS_MAX} nameservers are asked"


def _long_search(conf: ResolvConf, profile: Profile) -> Iterator[str]:
    length = len(" ".join(conf.search))
    if len(conf.search) > SEARCHES_MAX or length > SEARCH_LINE_LENGTH_MAX:
        yield f"Kubernetes cuts a search list at {SEARCHES_MAX} domains and 2048 characters"
    elif len(conf.search) > OLD_SEARCHES_MAX or length > OLD_SEARCH_LENGTH_MAX:
        yield f"glibc before 2.26 cuts a search list at {OLD_SEARCHES_MAX} domains, 256 characters"


def _line_lost_on_musl(conf: ResolvConf, profile: Profile) -> Iterator[str]:
    if is_musl(profile) and len(f"search {' '.join(conf.search)}") > MUSL_LINE_LENGTH_MAX:
        yield f"musl drops a line of over {MUSL_LINE_LENGTH_MAX} characters: nothing is searched"


def _odd_ndots(conf: ResolvConf, profile: Profile) -> Iterator[str]:
    ndots = _ndots(conf)
    if ndots > NDOTS_MAX:
        yield f"ndots:{ndots} is taken as {NDOTS_MAX}"
    elif ndots == 0:
        yield "ndots:0 asks for every name as it is before the search list"


def _loopback(conf: ResolvConf, profile: Profile) -> Iterator[str]:
    for server in conf.nameservers:
        address = parse_address(server)
        if address is not None and address.is_loopback:
            yield f"the nameserver {server} is the Pod itself: a forwarder there loops"


def _odd_search(conf: ResolvConf, profile: Profile) -> Iterator[str]:
    folded = [domain.lower().removesuffix(".") for domain in conf.search]
    if "" in folded:
        yield "`search .` counts as the as-is try on glibc; musl and Go skip it, c-ares fails"
    repeated = sorted({domain for domain in folded if domain and folded.count(domain) > 1})
    for domain in repeated:
        yield f"the search domain {domain} is listed twice, and asked twice"


def _ignored_on_musl(conf: ResolvConf, profile: Profile) -> Iterator[str]:
    ignored = [name for name, _ in conf.options if name in IGNORED_BY_MUSL]
    if is_musl(profile) and ignored:
        yield f"musl ignores the options {', '.join(ignored)}"


def _unlike_servers(conf: ResolvConf, profile: Profile) -> Iterator[str]:
    if is_musl(profile) and len(conf.nameservers) > 1:
        yield (
            "musl asks all nameservers at once and takes the first answer, so that one which "
            "does not know the cluster may win"
        )


def _unknown_options(conf: ResolvConf, profile: Profile) -> Iterator[str]:
    for name, _ in conf.options:
        if name not in KNOWN_OPTIONS:
            yield f"no resolver knows the option {name}"


def _public_suffixes(conf: ResolvConf, profile: Profile) -> Iterator[str]:
    for domain in conf.search:
        label = domain.lower().removesuffix(".")
        if label in GENERIC_TOP_LEVELS or (len(label) == COUNTRY_LENGTH and label.isalpha()):
            yield f"the search domain {domain} is a top-level domain: its names are public"


def _is_hit(step: Step) -> bool:
    return step.decision is Decision.HIT


def _search_position(step: Step) -> int | None:
    source = step.query.source
    return int(source[len("search[") : -1]) if source.startswith("search[") else None


def _own_searches(conf: ResolvConf) -> int:
    """Count the search domains of the cluster, which come first."""
    first = conf.search[0] if conf.search else ""
    return sum(first.endswith(domain) for domain in conf.search)


def _ndots(conf: ResolvConf) -> int:
    return _number(conf, "ndots", 1)


def _number(conf: ResolvConf, name: str, default: int) -> int:
    value = dict(conf.options).get(name)
    return int(value) if value and value.isdecimal() and value.isascii() else default


_RESOLUTION_RULES: tuple[tuple[str, Callable[[Resolved], Iterator[str]]], ...] = (
    ("L5", _wasted),
    ("L5", _external_names),
    ("L6", _unsearched_on_musl),
    ("L8", _stolen_by_a_wildcard),
    ("L10", _patience),
    ("L15", _too_long),
    ("O9", _cut_answers),
)
_CONF_RULES: tuple[tuple[str, Callable[[ResolvConf, Profile], Iterator[str]]], ...] = (
    ("L1", _many_nameservers),
    ("L2", _long_search),
    ("L3", _line_lost_on_musl),
    ("L4", _odd_ndots),
    ("L7", _loopback),
    ("L8", _odd_search),
    ("L9", _ignored_on_musl),
    ("L12", _unlike_servers),
    ("L13", _unknown_options),
    ("L14", _public_suffixes),
)
