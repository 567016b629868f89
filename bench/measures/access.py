"""What authentication and rights cost: two servers in one run, one with and one without.

    `waypost serve --auth` | `waypost serve` -> GET /services/{namespace}/{name} -> answers a second

The caller has a token and the role `view` in one namespace, among the bindings of 2,000 others.
The servers take short turns, so that what else the machine does falls on both.
"""

from statistics import median

from bench.harness.figures import Figure, at_least
from bench.harness.load import load, request
from bench.harness.registries import Registry
from bench.harness.run import Run
from bench.harness.wire import Wire, a_list, service

BINDINGS = 2_000
TURNS = 3  # a round
NAMESPACE, USER = "team-0", "alice"
RBAC = "rbac.authorization.k8s.io"
PATH = f"/services/{NAMESPACE}/service-0"
PEER = "without --auth"
BOUND = (
    "in one process (2026-12-01, 191ae9e) a kept answer takes 0.42 µs more to ask whether its "
    "token has ended and the database is heard of, 0.40 to count its use (0.32 the counter of "
    "prometheus_client), 0.04 for the digest of the longer head: 0.86 of some 12, when 0.95 "
    "allows 0.64; the octets on the socket come on top"
)
RATE = Figure("GET of a Service with --auth", "/s", None, PEER, at_least(0.95), bounded_by=BOUND)
CPU = Figure("processor time of it", "µs", None, PEER)


async def measure(run: Run) -> None:
    """Ask both servers in turn."""
    if not run.has("wrk"):
        return
    async with run.registries.empty("--auth") as guarded, run.registries.empty() as open_:
        token_file = guarded.data.parent / "admin.token"
        token = await prepare(guarded, administrator=token_file.read_text().strip())
        await prepare(open_)  # the same state, so that only the checks differ
        with_token = request("GET", PATH, headers={"Authorization": f"Bearer {token}"})
        await asked(run, guarded, with_token)  # both are warm then
        await asked(run, open_, request("GET", PATH))
        for _ in run.rounds():
            on, off = list[tuple[float, float]](), list[tuple[float, float]]()
            for _ in range(TURNS):
                on.append(await asked(run, guarded, with_token))
                off.append(await asked(run, open_, request("GET", PATH)))
            run.note(RATE, median(rate for rate, _ in on))
            run.note_peer(RATE, median(rate for rate, _ in off))
            run.note(CPU, median(cpu_us for _, cpu_us in on))
            run.note_peer(CPU, median(cpu_us for _, cpu_us in off))


async def asked(run: Run, registry: Registry, question: bytes) -> tuple[float, float]:
    """Ask for a while; gives answers a second, and the processor time of one."""
    before = registry.used()
    taken = await load(registry.server.api_port, [question], seconds=run.seconds / TURNS)
    used = registry.used().since(before)
    return run.judge(taken, "access").rate, 1e6 * used.server_s / taken.requests


async def prepare(registry: Registry, administrator: str = "") -> str:
    """Give a user the right to read, among the bindings of others; returns its token."""
    client = registry.server.client
    if administrator:
        client.headers["Authorization"] = f"Bearer {administrator}"
    items = [service(0), binding("of-alice", USER)]
    items += [binding(f"of-{number}", f"user-{number}") for number in range(BINDINGS)]
    await registry.apply(a_list(items))
    draft = {"apiVersion": "access.waypost/v1", "kind": "Token", "spec": {"user": USER}}
    answer = await client.post("/tokens", json=draft)
    token: str = answer.raise_for_status().json()["status"]["token"]
    return token


def binding(name: str, user: str) -> Wire:
    """Describe a binding of the role `view` to a user."""
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"namespace": NAMESPACE, "name": name},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "User", "apiGroup": RBAC, "name": user}],
    }
