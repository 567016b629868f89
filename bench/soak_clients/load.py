"""What the clients of a soak do, each over and over at its pace until it is cancelled.

    Load, port -> requests, questions and streams over loopback; counted by what they are

Objects come under ever new names and go again, so that whatever remembers names for
good is found out; how many there are at a time stays the same.
"""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from itertools import count

import dns.asyncquery
import dns.exception
import dns.message
import httpx

from tests.end_to_end.processes import Serving

HELD = 1_000  # Services, and as many Pods, at a time
LARGE_CHARACTERS = 8_192  # of an annotation that is patched
APPLIED = 20  # objects of one apply
PAGE = 250  # objects of a page
MADE_UP = 10_000  # names that are asked for and never were: more than denials are remembered
LATE_S_MAX = 5.0  # of a pace that is made up for
WATCHES = 40  # that come and go
NODE = "soak-node"
# Ten revisions a second in all, which a busy machine manages as well: how much history there is
# goes by that, and must be the same from beginning to end.
PACES_A_S = {
    "renew": 1.0,
    "create": 2.0,
    "patch": 2.0,
    "apply": 0.1,
    "heartbeat": 2.0,
    "read": 10.0,
    "page": 1.0,
    "exact": 0.5,
    "rules": 1.0,
    "ask": 100.0,
}


def a_service(number: int) -> dict[str, object]:
    """Describe the Service of that number."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": f"s-{number}", "labels": {"group": f"g-{number % 10}"}},
        "spec": {"selector": {"app": f"s-{number}"}, "ports": [{"port": 80}]},
    }


def a_pod(number: int) -> dict[str, object]:
    """Describe the Pod that is behind it."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"p-{number}", "labels": {"app": f"s-{number}"}},
        "spec": {"nodeName": NODE, "leaseDurationSeconds": 600},
        "status": {
            "phase": "Running",
            "podIP": f"10.200.{number // 250 % 16}.{number % 250 + 1}",
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


class Load:
    """The clients of one server."""

    def __init__(self, running: Serving) -> None:
        """Be a load on ``running``, over connections of its client."""
        self._http, self._dns_port = running.client, running.dns_port
        self._random = random.Random(1)  # noqa: S311  the same load each time
        self._numbers = count()
        self._held: list[int] = []
        self._rules_since = ""
        self.done: Counter[str] = Counter()
        """How often each was done, and how often it was refused."""

    async def prepare(self) -> None:
        """Make what there is at a time."""
        await self._http.post("/nodes", json={"metadata": {"name": NODE}})
        while len(self._held) < HELD:
            await self._apply_new(100)
        # What is bounded by number is full from the beginning, so that nothing fills up later.
        for number in range(MADE_UP):
            await self._ask_for(f"none-{number}")

    async def run(self) -> None:
        """Do everything side by side until cancelled."""
        works: dict[str, Callable[[], Awaitable[object]]] = {
            "renew": self._replace_oldest,
            "create": self._restore,
            "patch": self._patch,
            "apply": lambda: self._apply_new(APPLIED // 2),
            "heartbeat": self._heartbeat,
            "read": self._read,
            "page": self._list,
            "exact": self._list_exact,
            "rules": self._follow_rules,
            "ask": self._ask,
        }
        async with asyncio.TaskGroup() as group:
            for name, work in works.items():
                group.create_task(self._over_and_over(name, work, PACES_A_S[name]))
            for number in range(WATCHES):
                group.create_task(self._watch_again_and_again(number))

    async def _over_and_over(
        self, name: str, work: Callable[[], Awaitable[object]], pace_a_s: float
    ) -> None:
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        while True:
            due_s = max(due_s + self._random.expovariate(pace_a_s), loop.time() - LATE_S_MAX)
            await asyncio.sleep(max(0.0, due_s - loop.time()))
            try:
                await work()
            except (httpx.HTTPError, dns.exception.DNSException, OSError) as error:
                self.done[f"{name} failed: {type(error).__name__}"] += 1
            self.done[name] += 1

    async def _send(self, method: str, path: str, **more: object) -> httpx.Response:
        answer = await self._http.request(method, path, **more)  # pyright: ignore[reportArgumentType]  httpx' own keywords
        if not answer.is_success:
            self.done[f"answered {answer.status_code}"] += 1
        return answer

    def _some(self) -> int:
        return self._random.choice(self._held)

    def _gone(self) -> int:
        oldest = self._held[0]
        return self._random.randrange(max(0, oldest - HELD), oldest + 1)

    async def _apply_new(self, pairs: int) -> None:
        """Apply new Services with their Pods, and delete as many of the oldest."""
        numbers = [next(self._numbers) for _ in range(pairs)]
        items = [make(number) for number in numbers for make in (a_service, a_pod)]
        await self._send(
            "POST", "/apply", json={"apiVersion": "v1", "kind": "List", "items": items}
        )
        self._held += numbers
        while len(self._held) > HELD:
            await self._delete(self._held.pop(0))

    async def _delete(self, number: int) -> None:
        await self._send("DELETE", f"/services/default/s-{number}")
        await self._send("DELETE", f"/pods/default/p-{number}?gracePeriodSeconds=0")

    async def _replace_oldest(self) -> None:
        await self._delete(self._held.pop(0))
        self._held.append(number := next(self._numbers))
        await self._send("POST", "/services", json=a_service(number))
        await self._send("POST", "/pods", json=a_pod(number))

    async def _restore(self) -> None:
        number = self._some()
        await self._send("PUT", f"/pods/default/p-{number}", json=a_pod(number))

    async def _patch(self) -> None:
        number, text = self._some(), self._random.randbytes(LARGE_CHARACTERS // 2).hex()
        body = json.dumps({"metadata": {"annotations": {"soak/large": text}}})
        headers = {"content-type": "application/merge-patch+json"}
        await self._send("PATCH", f"/services/default/s-{number}", content=body, headers=headers)

    async def _heartbeat(self) -> None:
        pods = [{"namespace": "default", "name": f"p-{number}"} for number in self._held[:200]]
        await self._send("POST", "/heartbeats", json={"pods": pods})

    async def _read(self) -> None:
        await self._send("GET", f"/services/default/s-{self._some()}")

    async def _list(self) -> None:
        token: str | None = ""
        while token is not None:
            query = {"limit": str(PAGE), "continue": token}
            answer = await self._send("GET", "/services", params=query)
            token = answer.json()["metadata"].get("continue") if answer.is_success else None

    async def _list_exact(self) -> None:
        newest = (await self._send("GET", "/services?limit=1")).json()["metadata"]
        exact = max(1, int(newest["resourceVersion"]) - self._random.randrange(1_000))
        query = {"resourceVersion": str(exact), "resourceVersionMatch": "Exact"}
        await self._send("GET", "/pods", params=query)

    async def _follow_rules(self) -> None:
        if not self._rules_since:
            answer = await self._send("GET", f"/nodes/{NODE}/ipvs")
        else:
            path = f"/nodes/{NODE}/ipvs/changes?since={self._rules_since}"
            answer = await self._send("GET", path)
        self._rules_since = answer.json()["resourceVersion"] if answer.is_success else ""

    async def _ask(self) -> None:
        """Ask for a Service that is there, one that is gone, or a name that never was."""
        made_up = f"none-{self._random.randrange(MADE_UP)}"
        await self._ask_for(
            self._random.choice([f"s-{self._some()}", f"s-{self._gone()}", made_up])
        )

    async def _ask_for(self, name: str) -> None:
        question = dns.message.make_query(f"{name}.default.svc.cluster.local", "A")
        await dns.asyncquery.udp(question, "127.0.0.1", timeout=5, port=self._dns_port)

    async def _watch_again_and_again(self, number: int) -> None:
        """Watch for a while: all or a part, from now or from where it ended, quick or slow."""
        since = ""
        while True:
            query = {
                "kinds": self._random.choice(["Service", "Service,EndpointSlice", "Pod"]),
                "labelSelector": self._random.choice(["", f"group=g-{number % 10}"]),
                "resourceVersion": since,
                "timeoutSeconds": str(self._random.randrange(1, 30)),
            }
            try:
                since = await self._watched(query, is_slow=number % 10 == 0)
            except (httpx.HTTPError, OSError) as error:
                self.done[f"watch failed: {type(error).__name__}"] += 1
                since = ""
            self.done["watch"] += 1

    async def _watched(self, query: dict[str, str], *, is_slow: bool) -> str:
        """Follow one stream; gives where it may be resumed, nothing for one that is to be anew."""
        ends_s = asyncio.get_running_loop().time() + self._random.expovariate(1 / 10)
        async with self._http.stream("GET", "/watch", params=query) as answer:
            since = ""
            async for line in answer.aiter_lines():
                if is_slow:
                    await asyncio.sleep(0.01)
                if line.startswith('{"type":"BOOKMARK"'):
                    since = json.loads(line)["object"]["metadata"]["resourceVersion"]
                if asyncio.get_running_loop().time() > ends_s:
                    break
            return since
