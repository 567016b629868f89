"""Tokens over HTTP: the text once, the digest never; good and refused exactly by revision."""

import json
import logging
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.api.credentials.outcomes import Authenticated, Failure, Refused
from app.api.credentials.tokens import authenticate_token
from app.domain.access.subjects import User
from app.domain.access.tokens import digest_of, stored_by_id
from app.domain.names import Revision
from app.domain.objects.token import TOKEN
from app.domain.snapshot import Snapshot
from app.registry.writes import lifecycle
from app.store.keeping.backup import backup_lines, read_backup, restore
from app.store.token_uses import PostgresTokenUses
from tests.api.access.acting import Place, a_place
from tests.builders import a_cluster_role, a_cluster_role_binding, a_rule, a_subject
from tests.databases import connected
from tests.registries import a_registry

Wire = dict[str, Any]
PATCH = {"content-type": "application/merge-patch+json"}
ALICE = User(name="alice", groups=("dev",))


@pytest.fixture
async def place(database_url: str) -> AsyncGenerator[Place, None]:
    async with a_place(database_url) as made:
        yield made


def spec(**fields: object) -> Wire:
    return {"spec": {"user": "alice", **fields}}


async def issued(place: Place, **fields: object) -> Wire:
    answer = await place.api.post("/tokens", json=spec(**fields))
    assert answer.status_code == 201, answer.text
    return answer.json()


def outcome(snapshot: Snapshot, text: str) -> object:
    found = authenticate_token(text, stored_by_id(snapshot), now=datetime.now(UTC))
    return found.failure if isinstance(found, Refused) else found


async def test_the_text_is_in_the_answer_to_its_creation_alone(place: Place) -> None:
    answer = await place.api.post("/tokens", json=spec(groups=["dev"], description="ci"))
    made = answer.json()
    text, name = made["status"].pop("token"), made["metadata"]["name"]
    assert text.startswith(f"wpu_{name}")
    assert answer.headers["location"] == f"/tokens/{name}"
    assert answer.headers["cache-control"] == "no-store"
    assert (made["apiVersion"], made["kind"]) == ("access.waypost/v1", "Token")
    assert made["spec"].items() >= {"user": "alice", "groups": ["dev"], "description": "ci"}.items()
    assert made["status"] == {"createdBy": "system:unsecured"}
    assert (await place.api.get(f"/tokens/{name}")).json() == made
    listed = (await place.api.get("/tokens")).json()
    assert (listed["kind"], listed["items"]) == ("TokenList", [made])
    known = outcome(place.snapshot, text)
    assert isinstance(known, Authenticated)
    assert (known.user, known.credential_id) == (User(name="alice", groups=("dev",)), name)


@pytest.mark.parametrize(
    ("user", "prefix"),
    [
        ("system:node:n1", "wpn_"),
        ("system:serviceaccount:kube-system:waypost-dns", "wpd_"),
        ("system:serviceaccount:default:bot", "wpu_"),
    ],
)
async def test_the_prefix_says_whom_a_token_is_for(place: Place, user: str, prefix: str) -> None:
    made = await issued(place, user=user)
    assert made["status"]["token"].startswith(prefix)
    assert ("expiresAt" in made["spec"]) == (prefix == "wpu_")


async def test_a_dry_run_gives_no_token(place: Place) -> None:
    answer = await place.api.post("/tokens?dryRun=All", json=spec())
    assert (answer.status_code, "token" in answer.json()["status"]) == (201, False)
    assert (await place.api.get("/tokens")).json()["items"] == []


async def test_a_token_is_good_on_every_process_from_its_revision_until_its_revocation(
    database_url: str,
) -> None:
    async with a_place(database_url) as here, a_registry(database_url) as there:
        before = there.view.snapshot
        made = await issued(here)
        text, name = made["status"]["token"], made["metadata"]["name"]
        assert outcome(before, text) is Failure.UNKNOWN
        good = await there.view.wait_for(Revision(int(made["metadata"]["resourceVersion"])))
        assert isinstance(outcome(good, text), Authenticated)

        revoked = (await here.api.delete(f"/tokens/{name}")).json()
        refused = await there.view.wait_for(Revision(int(revoked["metadata"]["resourceVersion"])))
        assert outcome(refused, text) is outcome(here.snapshot, text) is Failure.REVOKED
        assert isinstance(outcome(good, text), Authenticated)
        assert int(revoked["metadata"]["resourceVersion"]) == refused.revision
    async with a_registry(database_url) as later:
        assert outcome(later.view.snapshot, text) is Failure.REVOKED


async def test_a_revoked_token_is_shown_and_revoked_once(place: Place) -> None:
    name = (await issued(place))["metadata"]["name"]
    revoked = await place.api.delete(f"/tokens/{name}")
    assert revoked.status_code == 200
    assert revoked.json()["status"]["revokedAt"]
    assert (await place.api.get(f"/tokens/{name}")).json() == revoked.json()
    assert (await place.api.delete(f"/tokens/{name}")).json() == revoked.json()
    assert (await place.api.delete("/tokens/unknown")).status_code == 404


async def test_only_the_description_changes(place: Place) -> None:
    made = await issued(place, groups=["dev"])
    path, text = f"/tokens/{made['metadata']['name']}", made["status"]["token"]
    patched = await place.api.patch(path, json={"spec": {"description": "x"}}, headers=PATCH)
    assert (patched.status_code, patched.json()["spec"]["description"]) == (200, "x")
    sent = {**patched.json(), "spec": {**patched.json()["spec"], "description": "y"}}
    assert (await place.api.put(path, json=sent)).json()["spec"]["description"] == "y"
    for change in (
        {"spec": {"user": "bob"}},
        {"spec": {"groups": ["dev", "system:masters"]}},
        {"spec": {"expiresAt": "2100-01-01T00:00:00Z"}},
        {"status": {"revokedAt": "2100-01-01T00:00:00Z"}},
        {"metadata": {"labels": {"a": "b"}}},
    ):
        refused = await place.api.patch(path, json=change, headers=PATCH)
        assert refused.status_code == 422, change
    assert isinstance(outcome(place.snapshot, text), Authenticated)


async def test_an_id_is_not_chosen(place: Place) -> None:
    for name in ("name", "generateName"):
        refused = await place.api.post("/tokens", json={**spec(), "metadata": {name: "a"}})
        causes = refused.json()["details"]["causes"]
        assert (refused.status_code, causes[0]["field"]) == (422, f"metadata.{name}")


async def test_a_namespace_that_is_sent_means_nothing(place: Place) -> None:
    body = {**spec(), "metadata": {"namespace": "prod", "labels": {"a": "b"}}}
    made = (await place.api.post("/tokens", json=body)).json()
    assert (made["metadata"]["labels"], "namespace" in made["metadata"]) == ({"a": "b"}, False)


async def test_who_may_not_become_a_user_may_not_mint_for_it(place: Place) -> None:
    place.acting.as_(ALICE)
    refused = await place.api.post("/tokens", json=spec(user="bob"))
    assert refused.status_code == 403
    assert refused.json()["message"] == (
        'users "bob" is forbidden: User "alice" cannot impersonate resource "users" in API group '
        '"" at the cluster scope'
    )
    assert refused.json()["details"] == {"name": "bob", "kind": "users", "causes": []}

    def allow(work: Any) -> None:  # noqa: ANN401  a write in progress
        lifecycle.create(work, a_cluster_role(a_rule("impersonate", "users"), name="imp"))
        lifecycle.create(work, a_cluster_role_binding(a_subject("alice"), role="imp"))

    await place.registry.writer.write(allow)
    assert (await issued(place, user="bob"))["status"]["createdBy"] == "alice"
    masters = await place.api.post("/tokens", json=spec(user="bob", groups=["system:masters"]))
    assert (masters.status_code, masters.json()["details"]["group"]) == (403, "access.waypost")


async def test_a_token_for_oneself_ends_with_ones_own_credential(place: Place) -> None:
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    place.acting.as_(ALICE, ends_at=end)
    made = await issued(place, groups=["dev"])
    assert datetime.fromisoformat(made["spec"]["expiresAt"]) == end
    late = (end + timedelta(seconds=1)).isoformat()
    refused = await place.api.post("/tokens", json=spec(expiresAt=late))
    assert (refused.status_code, "own credential" in refused.json()["message"]) == (403, True)
    place.acting.as_(ALICE)
    assert (await issued(place, expiresAt=late))["spec"]["groups"] == []


async def test_deleting_a_namespace_revokes_the_tokens_of_its_service_accounts(
    place: Place,
) -> None:
    await place.api.post("/namespaces", json={"metadata": {"name": "prod"}})
    made = await issued(place, user="system:serviceaccount:prod:bot")
    assert made["spec"]["boundNamespace"] == "prod"
    await place.api.delete("/namespaces/prod")
    assert outcome(place.snapshot, made["status"]["token"]) is Failure.REVOKED
    await place.api.post("/namespaces", json={"metadata": {"name": "prod"}})
    assert outcome(place.snapshot, made["status"]["token"]) is Failure.REVOKED


async def test_tokens_are_listed_by_user_and_in_pages_and_never_watched(place: Place) -> None:
    for user in ("alice", "bob", "alice"):
        await issued(place, user=user)
    found = (await place.api.get("/tokens?fieldSelector=spec.user=alice")).json()["items"]
    assert [each["spec"]["user"] for each in found] == ["alice", "alice"]
    first = (await place.api.get("/tokens?limit=2")).json()
    token = first["metadata"]["continue"]
    rest = (await place.api.get("/tokens", params={"limit": "2", "continue": token})).json()
    assert len({each["metadata"]["name"] for each in first["items"] + rest["items"]}) == 3
    refused = await place.api.get("/tokens?watch=true")
    assert (refused.status_code, refused.json()["reason"]) == (400, "BadRequest")
    refused = await place.api.get("/watch?kinds=Service,Token")
    assert (refused.status_code, "Token is not one of" in refused.json()["message"]) == (400, True)
    yaml = await place.api.get("/tokens", headers={"accept": "application/yaml"})
    assert yaml.text.count("user: alice") == 2


async def test_an_apply_ignores_tokens_by_name_and_never_prunes_them(place: Place) -> None:
    made = await issued(place)
    del made["status"]["token"]
    made["spec"]["user"] = "mallory"
    (result,) = (await place.api.post("/apply", json=made)).json()["results"]
    assert (result["kind"], result["operation"]) == ("Token", "ignored")
    assert result["message"] == "Tokens are created by POST /tokens, and never applied"
    refused = await place.api.post("/apply?strict=true", json=made)
    assert (refused.status_code, refused.json()["details"]["causes"][0]["field"]) == (
        422,
        "documents[0].kind",
    )
    labelled = await place.api.post(
        "/tokens", json={**spec(), "metadata": {"labels": {"app": "x"}}}
    )
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "s", "labels": {"app": "x"}},
        "spec": {"ports": [{"port": 80}]},
    }
    await place.api.post("/apply?prune=true&labelSelector=app=x", json=service)
    assert outcome(place.snapshot, labelled.json()["status"]["token"]) is not Failure.REVOKED


async def test_no_answer_log_or_metric_has_a_digest_or_a_secret(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    made = await issued(place, description="ci")
    text, name = made["status"]["token"], made["metadata"]["name"]
    digest = digest_of(text).hex()
    assert place.snapshot.of(TOKEN)[next(iter(place.snapshot.of(TOKEN)))].digest == digest
    answers = [
        await place.api.get(path)
        for path in (
            f"/tokens/{name}",
            "/tokens",
            "/openapi.json",
            "/metrics",
            "/watch?timeoutSeconds=1",
            "/clusterips",
            "/services",
        )
    ]
    path = f"/tokens/{name}"
    answers.append(await place.api.patch(path, json={"spec": {"user": "x"}}, headers=PATCH))
    answers.append(await place.api.patch(path, json={"spec": {"description": ""}}, headers=PATCH))
    answers.append(await place.api.delete(path))
    forbidden = (digest, text, text[16:48])
    for answer in answers:
        shown = answer.text + json.dumps(dict(answer.headers))
        assert not [each for each in forbidden if each in shown], answer.url
    assert 'waypost_objects{kind="Token"}' not in (await place.api.get("/metrics")).text
    assert not [each for each in forbidden if each in caplog.text]
    assert digest not in repr(place.snapshot.of(TOKEN).values())


async def test_a_backup_has_no_tokens_and_a_restore_leaves_those_there_are(
    database_url: str,
) -> None:
    async with a_place(database_url) as place, connected(database_url) as engine:
        old = await issued(place)
        lines = [line async for line in backup_lines(engine)]
        assert b"Token" not in b"".join(lines)
        new = await issued(place)
        await place.api.delete(f"/tokens/{old['metadata']['name']}")
        revision = await restore(engine, read_backup(lines), replace=True)
        restored = await place.registry.view.wait_for(revision, timeout_s=30)
        assert outcome(restored, old["status"]["token"]) is Failure.REVOKED
        assert isinstance(outcome(restored, new["status"]["token"]), Authenticated)
        later = await issued(place)
        assert isinstance(outcome(place.snapshot, later["status"]["token"]), Authenticated)


async def test_the_last_use_is_shown_to_the_minute_and_by_every_process(database_url: str) -> None:
    used = datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)
    async with a_place(database_url) as here, a_registry(database_url) as there:
        made = await issued(here)
        name, revision = made["metadata"]["name"], here.snapshot.revision
        here.registry.token_uses.record(name, used)
        shown = (await here.api.get(f"/tokens/{name}")).json()
        assert shown["status"]["lastUsedAt"] == "2026-05-06T07:08:00Z"
        listed = (await here.api.get("/tokens")).json()["items"]
        assert [each["status"] for each in listed] == [shown["status"]]

        await here.registry.token_uses.exchange()
        known = await there.view.wait_for(revision)
        await there.token_uses.exchange()
        (token,) = known.of(TOKEN).values()
        assert there.token_uses.shown(token) == replace(token, last_used_at=used.replace(second=0))
        assert here.snapshot.revision == revision


async def test_uses_of_forgotten_tokens_are_deleted(database_url: str) -> None:
    async with a_place(database_url) as place, connected(database_url) as engine:
        name = (await issued(place))["metadata"]["name"]
        store = PostgresTokenUses(engine)
        at = datetime(2026, 5, 6, tzinfo=UTC)
        await store.save({name: at, "gone": at})
        await store.forget_orphans()
        assert await store.load() == {name: at}
