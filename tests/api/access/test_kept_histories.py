"""Random histories: a server with kept answers answers exactly what one without them does.

Two servers share one application and its state.  Between requests objects, tokens, roles and
bindings change, names of the server are reloaded, time passes, and contact with the database is
lost for a while.
"""

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final
from urllib.parse import urlencode

import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.types import Receive, Scope, Send

from app.api import application
from app.api.http.guard import Trusted
from app.api.http.kept_answers import KeptAnswers
from app.main import VERSION
from app.schemas.authorities import HostNames, Origin, parse_origin
from tests.api.access.guarded import (
    Guarded,
    Wire,
    a_binding,
    a_namespace,
    a_node,
    a_pod,
    a_role,
    a_rule,
    a_service,
)
from tests.api.sockets import Answer, Client, serving

STEPS: Final = 20
REQUESTS: Final = 12  # after each step
POOL: Final = 8  # requests that come again
RENEWED: Final = 1  # of them at each step
SPACES: Final = ("dev", "prod")
NAMES: Final = ("a", "b")
PAGE: Final = parse_origin("https://pages.example")
HOSTS: Final = (HostNames(), HostNames(), HostNames(), HostNames.of(("waypost.example",)), None)
USERS: Final = ("alice", "bob")
NO_QUERY: Final[Mapping[str, str]] = {}
QUERIES: Final = (*[NO_QUERY] * 20, {"pretty": "true"}, {"resourceVersion": "1"}, {"a": "b"})


@dataclass
class Place:
    """An application, whose clock, contact and names a test sets, and how often it was asked."""

    guarded: Guarded
    is_guarded: bool
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    is_stale: bool = False
    asked: int = 0
    bearers: dict[str, str] = field(default_factory=dict[str, str])
    trusted: Trusted = field(init=False)
    app: FastAPI = field(init=False)

    def __post_init__(self) -> None:
        assert isinstance(PAGE, Origin)
        self.trusted = Trusted(readers=frozenset({PAGE}))
        registry = replace(self.guarded.registry, metrics=CollectorRegistry())
        assert registry.access is not None
        access = replace(registry.access, now=lambda: self.now, is_stale=lambda: self.is_stale)
        registry = replace(registry, access=access if self.is_guarded else None)
        self.app = application.build(version=VERSION, trusted=self.trusted, access=registry.access)
        self.app.state.registry = registry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on to the application."""
        self.asked += scope["type"] == "http"
        await self.app(scope, receive, send)


@pytest.fixture(scope="module", params=[True, False], ids=["auth", "open"])
async def place(running: Guarded, request: pytest.FixtureRequest) -> Place:
    return Place(running, is_guarded=request.param)


@pytest.mark.parametrize("seed", range(3))
async def test_answers_are_those_of_a_server_that_keeps_none(place: Place, seed: int) -> None:
    random = Random(seed)  # noqa: S311  not for secrets
    await place.guarded.forget()
    place.bearers = {"admin": place.guarded.admin["Authorization"], "bogus": "Bearer wpu_x"}
    place.is_stale, place.trusted.hosts, place.asked = False, HOSTS[0], 0
    await place.guarded.hold(*map(a_namespace, SPACES), *(a_node(name) for name in NAMES))
    services = [a_service(name, space) for name in NAMES for space in SPACES]
    await place.guarded.hold(*services, a_pod("a", "dev"), a_pod("b", "prod"))
    kept, sent = KeptAnswers(place.guarded.registry.view), 0
    async with (
        serving(place) as plain_port,
        serving(place, kept=kept) as port,
        Client(plain_port) as plain,
        Client(port) as keeping,
    ):
        pool: list[bytes] = []
        for _ in range(STEPS):
            await a_step(place, random)
            random.shuffle(pool)
            pool[POOL - RENEWED :] = []
            pool += [a_request(place, random) for _ in range(max(RENEWED, POOL - len(pool)))]
            for octets in random.choices(pool, k=REQUESTS):
                place.now += timedelta(seconds=20)  # failed authentications are forgotten
                answer = readable(await keeping.ask(octets))
                assert answer == readable(await plain.ask(octets)), octets
                sent += 2
    assert place.asked < sent, "some are answered from kept answers"


def readable(answer: Answer) -> Answer:
    """Decompress an answer: a compressed one has the time of its compression in it."""
    if answer.field("content-encoding") != "gzip":
        return answer
    fields = tuple(each for each in answer.fields if each[0] != "content-length")
    return replace(answer, fields=fields, body=gzip.decompress(answer.body))


async def a_step(place: Place, random: Random) -> None:
    """Change one thing that answers depend on, or several; often nothing."""
    for change in random.sample((objects, objects, rights, tokens, server), k=2):
        await change(place, random)


async def objects(place: Place, random: Random) -> None:
    name, space = random.choice(NAMES), random.choice(SPACES)
    service = a_service(name, space, step=str(random.randrange(3)))
    spec = random.choice(
        (
            {},
            {"selector": {"app": "x"}},
            {"selector": {"app": "x"}, "clusterIP": "None"},
            {"type": "ExternalName", "externalName": f"b.{space}.svc.cluster.local"},
        )
    )
    service["spec"] |= spec
    pod = a_pod(name, space, node=random.choice(("", "a")), ip=f"10.244.1.{random.randrange(9)}")
    pod["metadata"]["labels"] = random.choice(({}, {"app": "x"}))
    node = a_node(name)
    node["metadata"]["labels"] = {"step": str(random.randrange(3))}
    draft: Wire = random.choice((service, pod, pod, node))
    admin = place.guarded.admin
    plural = f"{draft['kind'].lower()}s"
    where = f"/{space}/{name}" if draft is not node else f"/{name}"
    gone = random.random() < 0.4 or draft is service  # what is fixed in a Service is not replaced
    if gone:
        await place.guarded.client.delete(f"/{plural}{where}?gracePeriodSeconds=0", headers=admin)
    if not gone or random.random() < 0.8:
        await place.guarded.hold(draft)


async def rights(place: Place, random: Random) -> None:
    rule = a_rule("get", random.choice(("services", "pods", "*")))
    binding = a_binding("sees", random.choice(USERS), namespace=random.choice(("", *SPACES)))
    if random.random() < 0.5:
        resolving = {"verbs": ["get"], "nonResourceURLs": ["/resolve"]}
        rules = random.choice(((rule,), (rule, resolving), (resolving,)))
        await place.guarded.hold(a_role("sees", *rules), binding)
    else:
        kind = "rolebindings" if "namespace" in binding["metadata"] else "clusterrolebindings"
        space = binding["metadata"].get("namespace", "")
        path = f"/{kind}/{space}/{binding['metadata']['name']}".replace("//", "/")
        await place.guarded.client.delete(path, headers=place.guarded.admin)


async def tokens(place: Place, random: Random) -> None:
    """Issue a token that ends soon or never, or revoke one."""
    user = random.choice(USERS)
    client, admin = place.guarded.client, place.guarded.admin
    for known in (await client.get("/tokens", headers=admin)).json()["items"]:
        if known["spec"]["user"] == user and random.random() < 0.5:
            await client.delete(f"/tokens/{known['metadata']['name']}", headers=admin)
    end = (max(place.now, datetime.now(UTC)) + timedelta(minutes=5)).isoformat()
    spec = random.choice(({}, {"expiresAt": end.replace("+00:00", "Z")}))
    made = await client.post("/tokens", json={"spec": {"user": user, **spec}}, headers=admin)
    assert made.is_success, made.text
    place.bearers[user] = f"Bearer {made.json()['status']['token']}"


async def server(place: Place, random: Random) -> None:
    place.trusted.hosts = random.choice(HOSTS)
    place.is_stale = random.random() < 0.1
    place.now += timedelta(minutes=random.choice((0, 1, 10)))


def a_request(place: Place, random: Random) -> bytes:
    """Draw a request: what is asked, by whom, and in which form."""
    method = random.choice(("GET",) * 20 + ("HEAD", "OPTIONS"))
    lines = [f"{method} {a_path(random)} HTTP/1.1"]
    lines.append(f"Host: {random.choice(('localhost',) * 12 + ('waypost.example', 'x.example'))}")
    caller = random.choice((*["admin"] * 14, *USERS, *place.bearers, ""))
    if caller:
        lines.append(f"Authorization: {place.bearers.get(caller, 'Bearer wpu_y')}")
    revision = place.guarded.revision - random.choice((0, 0, 1, 2))
    fingerprint = place.guarded.registry.rules.fingerprint
    rare = {
        "Accept": ("application/json", "application/yaml", "text/html", "*/*"),
        "Accept-Encoding": ("gzip", "gzip;q=0", "br"),
        "If-None-Match": (f'"{revision}"', f'W/"{revision}"', f'"{revision}-{fingerprint}"', "*"),
        "If-Match": (f'"{revision}"',),
        "Origin": ("https://pages.example", "https://others.example"),
        "Impersonate-User": USERS,
        "X-Remote-User": USERS,
        "Connection": ("close", "keep-alive"),
    }
    for name, values in rare.items():
        if random.random() < 0.04:
            lines.append(f"{name}: {random.choice(values)}")
    if "/nodes/" in lines[0] and random.random() < 0.7:
        lines.append(f'If-None-Match: "{revision}-{fingerprint}"')
    return "\r\n".join((*lines, "", "")).encode()


def a_path(random: Random) -> str:
    space, name = random.choice(SPACES), random.choice(NAMES)
    query = random.choice(QUERIES)
    if random.random() < 0.5:
        return f"/resolve?{urlencode({**a_question(random), **query}, doseq=True)}"
    path = random.choice(
        (
            f"/services/{space}/{name}",
            f"/services/{space}/{name}",
            f"/services/{space}/{name}/status",
            f"/pods/{space}/{name}",
            f"/nodes/{name}",
            f"/nodes/{name}/ipvs",
            f"/nodes/{name}/nftables",
            f"/namespaces/{space}",
            "/clusterroles/sees",
            f"/rolebindings/{space}/alice-sees",
            f"/services?namespace={space}",
            "/nowhere",
        )
    )
    return f"{path}?{urlencode(query)}" if query and "?" not in path else path


def a_question(random: Random) -> dict[str, str | Sequence[str]]:
    name, space = random.choice(NAMES), random.choice(SPACES)
    whole = f"{name}.{space}.svc.cluster.local"
    question: dict[str, str | Sequence[str]] = {
        "name": random.choice(
            (name, name, f"{name}.{space}", whole, f"{whole}.", "10.244.1.1", "www.example.com")
        ),
        "namespace": space,
    }
    rare = {
        "type": ("A", "AAAA", "SRV", "PTR", "ADDR", "TXT"),
        "explain": ("true",),
        "pod": (f"{space}/{name}",),
        "search": (f"{space}.svc.cluster.local", "x.example,cluster.local"),
        "ndots": ("1", "0"),
        "resolver": ("musl", "go", "c-ares", "musl-1.2.3"),
    }
    for key, values in rare.items():
        if random.random() < 0.25:
            question[key] = random.choice(values)
    return question
