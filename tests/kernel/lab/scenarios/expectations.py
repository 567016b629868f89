"""Questions that scenarios ask again and again."""

from collections import Counter
from pathlib import Path

from tests.kernel.lab.lab import SERVICE_PORT
from tests.kernel.lab.namespaces import inside
from tests.kernel.lab.network import OUTSIDE, PODS, addresses_of_node
from tests.kernel.lab.traffic import Unanswered, call

CALLS = 24
"""Among two equal endpoints chance passes over one with a probability of 2**-23."""
REPETITIONS_MAX = 1
"""A caller on the same machine hears of an ICMP error only when it repeats itself, after 1 s:
while the kernel delivers it, the call that caused it still holds the socket."""
SILENT_FOR_S = 3.0


def pods_reached(
    caller: str, address: str, port: int = SERVICE_PORT, *, protocol: str = "tcp"
) -> set[str]:
    """Call often enough to meet every endpoint, and name those that answered."""
    return set(tally(caller, address, port, protocol=protocol))


def tally(
    caller: str,
    address: str,
    port: int = SERVICE_PORT,
    *,
    protocol: str = "tcp",
    calls: int = CALLS,
) -> Counter[str]:
    """Count who answers how often."""
    return Counter(call(caller, address, port, protocol=protocol).pod for _ in range(calls))


def sources_seen(
    caller: str, address: str, port: int = SERVICE_PORT, *, protocol: str = "tcp"
) -> dict[str, set[str]]:
    """Call often, and give for each Pod the source addresses it saw."""
    seen: dict[str, set[str]] = {}
    for _ in range(CALLS):
        answer = call(caller, address, port, protocol=protocol)
        seen.setdefault(answer.pod, set()).add(answer.source)
    return seen


def is_refused(
    caller: str,
    address: str,
    port: int = SERVICE_PORT,
    *,
    protocol: str = "tcp",
    repetitions_max: int = REPETITIONS_MAX,
) -> bool:
    """Whether the caller learns at once that nothing is there: it need not ask again and again.

    To a sender on the node itself its own kernel says so: the datagram is not permitted.
    """
    before = _repetitions(caller)
    try:
        call(caller, address, port, protocol=protocol)
    except (ConnectionRefusedError, PermissionError):
        return _repetitions(caller) - before <= repetitions_max
    return False


def _repetitions(caller: str) -> int:
    """Count how often connections from there have been asked for again; no clock is so sure."""
    with inside(caller):
        lines = Path("/proc/thread-self/net/netstat").read_text().splitlines()
    names, values = (line.split() for line in lines if line.startswith("TcpExt:"))
    return int(values[names.index("TCPSynRetrans")])


def is_silent(caller: str, address: str, port: int = SERVICE_PORT) -> bool:
    """Whether nothing comes back, neither an answer nor a refusal."""
    try:
        call(caller, address, port, patience_s=SILENT_FOR_S)
    except Unanswered:
        return True
    except ConnectionRefusedError:
        return False
    return False


def is_dropped(caller: str, address: str, *, protocol: str = "tcp") -> bool:
    """Whether what is sent gets lost on the caller's node.

    A sender of datagrams on the node itself is told by its own kernel: they are not permitted.
    """
    try:
        call(caller, address, SERVICE_PORT, protocol=protocol, patience_s=SILENT_FOR_S)
    except (Unanswered, PermissionError):
        return True
    except ConnectionRefusedError:
        return False
    return False


def reaches_nobody(caller: str, address: str, port: int = SERVICE_PORT) -> bool:
    """Whether no Pod answers, however that is said."""
    try:
        call(caller, address, port, patience_s=SILENT_FOR_S)
    except (Unanswered, ConnectionRefusedError):
        return True
    return False


def own_addresses(caller: str) -> set[str]:
    """List the addresses of whoever calls."""
    if caller in PODS:
        return {PODS[caller].ip, PODS[caller].ip6}
    return {OUTSIDE.ip, OUTSIDE.ip6} if caller == OUTSIDE.name else addresses_of_node(caller)
