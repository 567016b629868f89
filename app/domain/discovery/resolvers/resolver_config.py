"""A resolv.conf as each C library reads it.

The libraries differ in the position of keywords, in which line wins, in the bounds of an
option's number, and in the longest line.

    text + environment -> glibc | musl | go | c_ares -> ResolverConfig

Source: spec resolver 2.1, 3.1, 4, 5.
"""

import re
from dataclasses import dataclass, field, replace
from functools import lru_cache

from app.domain.addresses import parse_address

NAMESERVERS_MAX = 3  # servers the libcs and Go use
NDOTS_MAX = 15
GLIBC_TIMEOUT_MAX_S = 30
GLIBC_ATTEMPTS_MAX = 5
MUSL_TIMEOUT_MAX_S = 60
MUSL_ATTEMPTS_MAX = 10
MUSL_LINE_LENGTH_MAX = 254  # characters before the newline; a longer line is ignored
LOCAL_SERVER = "127.0.0.1"
_READ_MAX = 256  # files remembered for each library: the Pods of a namespace share one
UDP_BYTES_MIN = 512  # of a datagram without EDNS
GLIBC_EDNS_BYTES, GO_EDNS_BYTES = 1200, 1232

_GLIBC_FLAGS = (
    *("rotate", "use-vc", "edns0", "single-request-reopen", "single-request"),
    *("no_tld_query", "no-tld-query", "no-aaaa"),
)
_GO_TCP_OPTIONS = ("use-vc", "usevc", "tcp")
_MUSL_OPTIONS = {
    "ndots:": ("ndots", NDOTS_MAX),
    "attempts:": ("attempts", MUSL_ATTEMPTS_MAX),
    "timeout:": ("timeout_s", MUSL_TIMEOUT_MAX_S),
}
_LEADING_NUMBER = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]+)")
_DIGITS = re.compile(r"[0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolverConfig:
    """The file as one library reads it.  ``search`` keeps order, case and duplicates."""

    nameservers: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    ndots: int = 1
    timeout_s: int = 5
    attempts: int = 2
    flags: frozenset[str] = frozenset()
    udp_bytes: int = UDP_BYTES_MIN


@dataclass(slots=True)
class _Draft:
    nameservers: list[str] = field(default_factory=list[str])
    search: tuple[str, ...] | None = None
    numbers: dict[str, int] = field(default_factory=dict[str, int])
    flags: set[str] = field(default_factory=set[str])

    def frozen(self, *, servers_max: int | None, defaults: ResolverConfig) -> ResolverConfig:
        return replace(
            defaults,
            nameservers=tuple(self.nameservers[:servers_max]) or defaults.nameservers,
            search=self.search or (),
            flags=frozenset(self.flags),
            **self.numbers,
        )


_DEFAULTS = ResolverConfig(nameservers=(LOCAL_SERVER,))


@lru_cache(maxsize=_READ_MAX)
def glibc(
    text: str, *, hostname: str = "", local_domain: str | None = None, res_options: str = ""
) -> ResolverConfig:
    """Read the file as glibc 2.26 and later do, then its environment variables."""
    draft = _Draft()
    for line in text.split("\n"):
        _glibc_line(draft, line)
    if local_domain is not None:
        # Set but empty is one empty domain: the root.
        draft.search = tuple(_words(local_domain)) or ("",)
    elif draft.search is None:
        draft.search = _domain_of(hostname)
    _glibc_options(draft, res_options)
    config = draft.frozen(servers_max=NAMESERVERS_MAX, defaults=_DEFAULTS)
    return replace(config, udp_bytes=GLIBC_EDNS_BYTES) if "edns0" in config.flags else config


def _glibc_line(draft: _Draft, line: str) -> None:
    # A keyword starts in column 1 and ends with a blank, so comments need no rule of their own.
    keyword, rest = _keyword(line, " \t")
    words = _words(rest)
    if not words:
        return
    match keyword:
        case "domain":
            draft.search = (words[0],)
        case "search":
            draft.search = tuple(words)
        case "nameserver":
            address = re.split(r"[;#]", words[0])[0]
            if _is_server_address(address):
                draft.nameservers.append(address)
        case "options":
            _glibc_options(draft, rest)
        case _:
            pass


def _glibc_options(draft: _Draft, text: str) -> None:
    for word in _words(text):
        name, colon, number = word.partition(":")
        if colon and name == "ndots":
            # The number is stored in four bits: -1 becomes 15.
            draft.numbers["ndots"] = min(_leading_number(number), NDOTS_MAX) & 0xF
        elif colon and name == "timeout":
            draft.numbers["timeout_s"] = max(min(_leading_number(number), GLIBC_TIMEOUT_MAX_S), 1)
        elif colon and name == "attempts":
            draft.numbers["attempts"] = max(min(_leading_number(number), GLIBC_ATTEMPTS_MAX), 0)
        else:
            flags = [flag for flag in _GLIBC_FLAGS if word.startswith(flag)]
            draft.flags.update(flag.replace("_", "-") for flag in flags[:1])


@lru_cache(maxsize=_READ_MAX)
def musl(text: str) -> ResolverConfig:
    """Read the file as musl does: no comments, no environment, long lines lost."""
    draft = _Draft()
    for line in text.split("\n"):
        if len(line.encode()) <= MUSL_LINE_LENGTH_MAX:
            _musl_line(draft, line)
    return draft.frozen(servers_max=NAMESERVERS_MAX, defaults=_DEFAULTS)


def _musl_line(draft: _Draft, line: str) -> None:
    # The blank that ends a keyword may be the line's own end, so a bare ``search`` counts.
    keyword, rest = _keyword(line + "\n", " \t\n\v\f\r")
    match keyword:
        case "domain" | "search":
            draft.search = tuple(rest.split())
        case "nameserver":
            draft.nameservers.extend(word for word in rest.split()[:1] if _is_server_address(word))
        case "options":
            for option, (field_name, number_max) in _MUSL_OPTIONS.items():
                # The first occurrence in the line counts, even inside a word.
                digits = _DIGITS.match(rest.partition(option)[2])
                if digits is not None:
                    draft.numbers[field_name] = min(int(digits.group()), number_max)
        case _:
            pass


@lru_cache(maxsize=_READ_MAX)
def go(text: str, *, hostname: str = "") -> ResolverConfig:
    """Read the file as Go's own resolver does: indentation allowed, fields by white space."""
    draft = _Draft()
    for line in text.split("\n"):
        if not line.startswith(("#", ";")):
            _go_line(draft, line.split())
    if draft.search is None:
        draft.search = _domain_of(hostname)
    defaults = replace(_DEFAULTS, nameservers=(LOCAL_SERVER, "::1"), udp_bytes=GO_EDNS_BYTES)
    return draft.frozen(servers_max=NAMESERVERS_MAX, defaults=defaults)


def _go_line(draft: _Draft, words: list[str]) -> None:
    match words:
        case ["nameserver", address, *_]:
            if _is_server_address(address):
                draft.nameservers.append(address)
        case ["domain", domain, *_]:
            draft.search = (_rooted(domain),)
        case ["search", *domains]:
            draft.search = tuple(_rooted(domain) for domain in domains)
        case ["options", *options]:
            for option in options:
                _go_option(draft, option)
        case _:
            pass


def _go_option(draft: _Draft, option: str) -> None:
    name, colon, text = option.partition(":")
    digits = _DIGITS.match(text)
    number = int(digits.group()) if digits else 0
    if option in _GO_TCP_OPTIONS:
        draft.flags.add("use-vc")
    elif colon and name == "ndots":
        draft.numbers["ndots"] = min(number, NDOTS_MAX)
    elif colon and name == "timeout":
        draft.numbers["timeout_s"] = max(number, 1)
    elif colon and name == "attempts":
        draft.numbers["attempts"] = max(number, 1)


@lru_cache(maxsize=_READ_MAX)
def c_ares(
    text: str, *, hostname: str = "", local_domain: str | None = None, res_options: str = ""
) -> ResolverConfig:
    """Read the file as c-ares 1.18 does: options set first stay, the last search list wins."""
    draft = _Draft()
    draft.search = _ares_domains(local_domain or "") or None
    is_search_fixed = draft.search is not None
    _ares_options(draft, res_options)
    for line in text.split("\n"):
        _ares_line(draft, line, is_search_fixed=is_search_fixed)
    if draft.search is None:
        draft.search = _domain_of(hostname)
    return draft.frozen(servers_max=None, defaults=replace(_DEFAULTS, attempts=4))


def _ares_line(draft: _Draft, line: str, *, is_search_fixed: bool) -> None:
    # Comments begin anywhere in a line.
    keyword, rest = _keyword(re.split("[#;]", line)[0].strip(), " \t")
    rest = rest.strip()
    match keyword:
        case "domain" if rest and not is_search_fixed:
            draft.search = (rest.split()[0],)
        case "search" if rest and not is_search_fixed:
            draft.search = _ares_domains(rest) or draft.search
        case "nameserver":
            words = re.split(r"[\s,]+", rest)
            draft.nameservers.extend(word for word in words if _is_server_address(word))
        case "options":
            _ares_options(draft, rest)
        case _:
            pass


def _ares_options(draft: _Draft, text: str) -> None:
    for word in text.split():
        name, colon, number = word.partition(":")
        if colon and name == "ndots":
            # The sign bit is masked: -1 becomes more dots than any name has.
            draft.numbers.setdefault("ndots", _leading_number(number) & 0x7FFFFFFF)
        elif colon and name == "retry":
            draft.numbers.setdefault("attempts", _leading_number(number))


def _keyword(line: str, blanks: str) -> tuple[str, str]:
    for position, letter in enumerate(line):
        if letter in blanks:
            return line[:position], line[position + 1 :]
    return "", ""


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[ \t\n]+", text) if word]


def _leading_number(text: str) -> int:
    number = _LEADING_NUMBER.match(text)
    return int(number.group(1)) if number else 0


def _is_server_address(text: str) -> bool:
    return parse_address(text.partition("%")[0]) is not None


def _domain_of(hostname: str) -> tuple[str, ...]:
    domain = hostname.partition(".")[2]
    return (domain,) if domain else ()


def _rooted(domain: str) -> str:
    return domain if domain.endswith(".") else f"{domain}."


def _ares_domains(text: str) -> tuple[str, ...]:
    # Words are split only at blanks and commas: a tab stays part of a name.
    kept: dict[str, str] = {}
    for word in re.split("[, ]", text):
        if word:
            kept.setdefault(word.lower(), word)
    return tuple(kept.values())
