"""Access control as a server composes it: off by default, counted, and shown by `/readyz`."""

import asyncio
from pathlib import Path

import pytest

from app.administrators import FILE_NAME
from app.config import UnusableSetting
from app.domain.access.tokens import id_of
from app.main import application_of
from tests.registries import a_client, a_registry, an_api, some_settings


async def test_without_the_setting_there_is_no_access_control(database_url: str) -> None:
    async with a_registry(database_url) as registry:
        assert registry.access is None
        assert "authentication" not in [check.name for check in registry.checks()]


async def test_without_authentication_there_are_no_users_and_no_shares(database_url: str) -> None:
    async with an_api(database_url, watchers_max=8) as api:
        path = "/services?watch=true&timeoutSeconds=1"
        answers = await asyncio.gather(*(api.get(path) for _ in range(8)))
        assert {answer.status_code for answer in answers} == {200}


async def test_with_the_setting_requests_are_authenticated_counted_and_noted(
    database_url: str, tmp_path: Path
) -> None:
    settings = some_settings(database_url, auth=True, data_dir=tmp_path)
    async with (
        a_registry(database_url, auth=True, data_dir=tmp_path) as registry,
        a_client(application_of(registry, settings)) as client,
    ):
        assert registry.checks()[-1].name == "authentication"
        assert (await client.get("/services")).status_code == 401
        token = (tmp_path / FILE_NAME).read_text().strip()
        answer = await client.get("/tokens", headers={"Authorization": f"Bearer {token}"})
        (shown,) = answer.json()["items"]
        assert (shown["metadata"]["name"], "lastUsedAt" in shown["status"]) == (id_of(token), True)
        for method, result in (("none", "missing"), ("token", "success")):
            labels = {"method": method, "result": result}
            counted = registry.metrics.get_sample_value("waypost_authentication_total", labels)
            assert counted == 1


async def test_reloads_and_expressions_have_metrics(database_url: str, tmp_path: Path) -> None:
    async with a_registry(database_url, auth=True, data_dir=tmp_path) as registry:
        for name, labels in (
            ("waypost_authentication_config_reloads_total", {"result": "success"}),
            ("waypost_authentication_config_reloads_total", {"result": "failure"}),
            ("waypost_expression_process_kills_total", {}),
            ("waypost_expressions_suspended", {}),
        ):
            assert registry.metrics.get_sample_value(name, labels) == 0, name


async def test_headers_of_no_trusted_proxy_are_counted(database_url: str, tmp_path: Path) -> None:
    settings = some_settings(database_url, auth=True, data_dir=tmp_path)
    async with (
        a_registry(database_url, auth=True, data_dir=tmp_path) as registry,
        a_client(application_of(registry, settings)) as client,
    ):
        headers = {"X-Remote-User": "root", "X-Remote-Group": "system:masters"}
        assert (await client.get("/services", headers=headers)).status_code == 401
        counted = registry.metrics.get_sample_value("waypost_proxy_headers_ignored_total")
        assert counted == 2


async def test_an_unusable_configuration_of_issuers_is_refused(
    database_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "issuers.yaml"
    file.write_text("kind: Nonsense")
    changes = {"auth": True, "data_dir": tmp_path / "state", "auth_config": str(file)}
    with pytest.raises(UnusableSetting, match="WAYPOST_AUTH_CONFIG"):
        async with a_registry(database_url, **changes):
            pass
