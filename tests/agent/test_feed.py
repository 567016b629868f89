"""Rules are read within bounds; invalid ones are a reason to ask the next registry."""

import json
from dataclasses import replace

import httpx
import pytest
from pydantic import ValidationError

from app.agent.feed import AGENT_BOUNDS, Feed
from app.agent.modes.ipvs import IPVS
from app.agent.modes.mode import Mode
from app.agent.modes.nftables import NFTABLES
from app.domain.names import Revision
from tests.client.hostile_servers import NONSENSE, Script, hostile
from waypost.client.errors import Misbehaved, WaypostError
from waypost.client.http.answer import Answer
from waypost.client.http.registry_client import RegistryClient

TIGHT = replace(AGENT_BOUNDS, answer_octets_max=1_000_000, answer_s_max=5)


@pytest.mark.parametrize("script", NONSENSE.values(), ids=NONSENSE.keys())
@pytest.mark.parametrize("mode", [IPVS, NFTABLES], ids=lambda mode: mode.name)
async def test_after_invalid_rules_the_next_registry_is_asked(
    script: Script, mode: Mode[object, object]
) -> None:
    async with (
        hostile(script) as bad,
        RegistryClient([bad.url, "http://x"], bounds=TIGHT) as client,
    ):
        with pytest.raises(WaypostError, match=bad.url):
            await Feed(client, "n1", mode).whole(only_if_changed=False)
        assert client.url == "http://x"
    async with (
        hostile(script) as bad,
        RegistryClient([bad.url, "http://x"], bounds=TIGHT) as client,
    ):
        with pytest.raises(WaypostError, match=bad.url):
            await Feed(client, "n1", mode).changes(Revision(1), 0)
        assert client.url == "http://x"


@pytest.mark.parametrize(
    "body",
    [
        b'{"kind":"NodeRules","virtualServers":[' + b"1," * 20_000 + b"1]}",
        b'{"kind":"NodeRules","virtualServers":[{"realServers":[' + b"1," * 20_000 + b"1]}]}",
        b'{"kind":"NodeRulesChanges","operations":[' + b"1," * 20_000 + b"1]}",
    ],
    ids=["servers", "real servers", "operations"],
)
def test_rules_are_read_up_to_the_first_invalid_entry(body: bytes) -> None:
    mode, answer = IPVS, Answer(200, httpx.Headers(), body)
    for decode in (mode.decode_whole, mode.decode_changes):
        with pytest.raises(Misbehaved) as refusal:
            decode(answer)
        assert isinstance(refusal.value.__cause__, ValidationError)
        assert refusal.value.__cause__.error_count() < 50


def test_an_invalid_address_is_refused() -> None:
    server = {"address": "nowhere", "port": 80, "protocol": "TCP"}
    changes = {
        "kind": "NodeRulesChanges",
        "node": "n1",
        "since": "1",
        "resourceVersion": "2",
        "operations": [{"op": "RemoveVirtualServer", "virtualServer": server}],
        "healthCheckNodePorts": [],
        "nodeEligible": True,
    }
    answer = Answer(200, httpx.Headers(), json.dumps(changes).encode())
    with pytest.raises(Misbehaved, match="'nowhere' is not an address"):
        IPVS.decode_changes(answer)
