"""glibc's getaddrinfo and res_search, as of 2.26 to 2.36.

    AI_ADDRCONFIG -> literal -> hosts file -> alias -> search list -> the error code

Source: spec resolver 2.2 and 2.5; glibc's getaddrinfo.c.
"""

from dataclasses import replace

from app.domain.discovery.resolvers.answer_section import GLIBC, Reading, ordered, status_of
from app.domain.discovery.resolvers.glibc_search import HostError, Search, Searching, SearchResult
from app.domain.discovery.resolvers.local_names import (
    addresses_in_hosts,
    alias_of,
    aton_literal,
    is_glibc_host_name,
    of_family,
)
from app.domain.discovery.resolvers.lookup import (
    AAAA,
    ADDR,
    A,
    Host,
    Lookup,
    LookupFlag,
    Outcome,
    Status,
    Trail,
    Walk,
    failed_unasked,
)
from app.domain.discovery.resolvers.resolver_config import glibc

_BUFFER_BYTES = 1024  # initially
_TUPLE_BYTES, _POINTER_BYTES, _IPV4_BYTES, _IPV6_BYTES = 40, 8, 4, 16


def walk(lookup: Lookup, host: Host) -> Walk:
    """Resolve as a program linked with glibc does."""
    config = glibc(
        host.resolv_conf,
        hostname=host.hostname,
        local_domain=host.local_domain,
        res_options=host.res_options,
    )
    search = Search(Trail(config))
    if not lookup.is_for_addresses:
        result = yield from search.run(lookup.name, lookup.qtypes)
        return _record_outcome(result, search)
    return (yield from _addresses(lookup, host, search))


def _record_outcome(result: SearchResult, search: Search) -> Outcome:
    if result.code is HostError.SUCCESS:
        return search.trail.found((), result.reading.canonical_name, result.reading.records)
    statuses = {HostError.HOST_NOT_FOUND: Status.NXDOMAIN, HostError.NO_DATA: Status.NODATA}
    status = statuses.get(result.code) or status_of(result.cause)
    return search.trail.failed(status, result.code, reported_from=result.reported_from)


def _addresses(lookup: Lookup, host: Host, search: Search) -> Walk:
    lookup = _restricted(lookup, host)
    if not lookup.qtype:
        return failed_unasked("EAI_NONAME")
    literal = aton_literal(lookup.name)
    if literal is not None:
        found = of_family([literal], lookup.qtypes)
        if not found and LookupFlag.V4_MAPPED in lookup.flags and ":" not in literal:
            found = (f"::ffff:{literal}",)
        return _found(found, lookup.name) if found else failed_unasked("EAI_ADDRFAMILY")
    for source in host.sources:
        if source == "files":
            found = of_family(addresses_in_hosts(host.hosts, lookup.name), lookup.qtypes)
            if found:
                found = ordered(found, host.network, GLIBC)
                return _found(found, lookup.name)
        elif source == "dns":
            return (yield from _by_dns(lookup, host, search))
    return failed_unasked("EAI_NONAME")


def _restricted(lookup: Lookup, host: Host) -> Lookup:
    """Apply AI_ADDRCONFIG; with an empty type the call fails without a query."""
    if not {LookupFlag.ADDRESS_CONFIG, LookupFlag.NO_HINTS} & lookup.flags:
        return lookup
    present = {A: host.network.ipv4 is not None, AAAA: host.network.ipv6 is not None}
    qtype = lookup.qtype
    if qtype == ADDR:
        if present[A] != present[AAAA]:
            qtype = A if present[A] else AAAA
    elif not present[qtype]:
        qtype = ""
    return replace(lookup, qtype=qtype)


def _by_dns(lookup: Lookup, host: Host, search: Search) -> Walk:
    name = alias_of(host.host_aliases, lookup.name) or lookup.name
    if not is_glibc_host_name(name):
        return failed_unasked("EAI_NONAME")
    is_mapped = lookup.qtype == AAAA and LookupFlag.V4_MAPPED in lookup.flags
    result = yield from _buffered(search, name, lookup.qtypes)
    addresses = result.reading.addresses
    error, status = _error(lookup, result, is_last_answered=search.is_last_answered)
    if is_mapped and (not addresses or LookupFlag.ALL in lookup.flags):
        second = yield from _buffered(search, name, (A,))
        addresses += tuple(f"::ffff:{address}" for address in second.reading.addresses)
        second_error = _error(lookup, second, is_last_answered=search.is_last_answered)
        error, status = _combined((error, status), second_error)
        result = result if result.reading.addresses else second
    reading = result.reading
    if addresses:
        addresses = ordered(addresses, host.network, GLIBC)
        return search.trail.found(addresses, reading.canonical_name, reading.records)
    failure = search.trail.failed(status, error, reported_from=result.reported_from)
    return replace(failure, records=reading.records)


def _buffered(search: Search, name: str, qtypes: tuple[str, ...]) -> Searching:
    """Search until the answer fits; otherwise repeat all queries with a buffer of twice the size.

    Observed with 2.36: 26 addresses do not fit into the first buffer.
    """
    size = _BUFFER_BYTES
    while True:
        result = yield from search.run(name, qtypes)
        if _bytes_of(result.reading, qtypes) <= size:
            return result
        search.trail.begin_again(f"the addresses do not fit into {size} octets")
        size *= 2


def _bytes_of(reading: Reading, qtypes: tuple[str, ...]) -> int:
    """Compute the size of an answer in the library's layout: tuples, or a hostent's lists."""
    count = len(reading.addresses)
    if len(qtypes) > 1:
        name = len(reading.canonical_name) + 1
        return count * _TUPLE_BYTES + name + -name % _POINTER_BYTES
    owners = [str(record.name) for record in reading.records if record.rtype == "CNAME"]
    names = [reading.canonical_name, *(owner.removesuffix(".") for owner in owners)]
    pointers = count + 1 + len(names)  # each of the two lists ends with a null pointer
    addresses = count * (_IPV4_BYTES if qtypes == (A,) else _IPV6_BYTES)
    return sum(len(name) + 1 for name in names) + pointers * _POINTER_BYTES + addresses


def _error(lookup: Lookup, result: SearchResult, *, is_last_answered: bool) -> tuple[str, Status]:
    # AF_INET without AI_CANONNAME takes another code path in glibc, with two odd results.
    is_old_path = lookup.qtype == A and LookupFlag.CANONICAL_NAME not in lookup.flags
    match result.code:
        case HostError.NO_DATA:
            return "EAI_NODATA", Status.NODATA
        case HostError.SUCCESS:  # aliases without an address at their end: spec resolver 2.5
            return "EAI_NODATA" if is_old_path else "EAI_NONAME", Status.NODATA
        case HostError.TRY_AGAIN if not (is_old_path and is_last_answered):
            return "EAI_AGAIN", status_of(result.cause)
        case _:
            return "EAI_NONAME", Status.NXDOMAIN


def _combined(first: tuple[str, Status], second: tuple[str, Status]) -> tuple[str, Status]:
    """Combine the errors of the AAAA and the A search of AI_V4MAPPED."""
    errors, statuses = {first[0], second[0]}, {first[1], second[1]}
    if "EAI_NONAME" in errors:
        is_there = statuses == {Status.NODATA}
        return "EAI_NONAME", Status.NODATA if is_there else Status.NXDOMAIN
    return second if errors == {"EAI_AGAIN"} else ("EAI_NODATA", Status.NODATA)


def _found(addresses: tuple[str, ...], name: str) -> Outcome:
    return Outcome(status=Status.NOERROR, addresses=addresses, canonical_name=name)
