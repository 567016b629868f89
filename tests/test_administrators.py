"""Tokens of administrators: handed over once, lost by no failure, found in no log."""

import asyncio
import json
import os
import re
import stat
import subprocess
import sys
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.administrators import FILE_NAME, Handover, issue_by_database
from app.api.credentials.outcomes import Authenticated
from app.api.credentials.tokens import authenticate_token
from app.domain.access.subjects import MASTERS
from app.domain.access.tokens import stored_by_id
from app.domain.objects.token import TOKEN
from app.domain.snapshot import Snapshot
from app.domain.work import Policy
from app.store.keeping.backup import backup_lines, read_backup, restore
from tests.databases import connected, empty_database
from tests.end_to_end.processes import CHECKOUT, free_port, serving
from tests.registries import a_registry

TOKEN_TEXT = re.compile(r"\bwp[und]_[0-9A-Za-z]{50}\b")


def is_master(snapshot: Snapshot, text: str) -> bool:
    found = authenticate_token(text, stored_by_id(snapshot), now=datetime.now(UTC))
    return isinstance(found, Authenticated) and found.user.groups == (MASTERS,)


async def test_the_first_start_writes_the_token_to_a_file_for_its_owner(
    database_url: str, tmp_path: Path
) -> None:
    settings = {"auth": True, "data_dir": tmp_path / "state"}
    async with a_registry(database_url, **settings) as registry:
        file = tmp_path / "state" / FILE_NAME
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert is_master(registry.view.snapshot, file.read_text().strip())
        assert [each.name for each in (tmp_path / "state").iterdir()] == [FILE_NAME]
        revision = registry.view.snapshot.revision
    file.unlink()
    async with a_registry(database_url, **settings) as again:
        assert again.view.snapshot.revision == revision
        assert list((tmp_path / "state").iterdir()) == []


async def test_without_authentication_there_are_neither_roles_nor_tokens(
    database_url: str, tmp_path: Path
) -> None:
    async with a_registry(database_url, data_dir=tmp_path) as registry:
        kinds = [name for name, held in registry.view.snapshot.objects.items() if held]
        assert sorted(kinds) == ["Namespace", "ServiceCIDR"]


async def test_a_file_that_exists_is_not_replaced_and_no_token_is_made(
    database_url: str, tmp_path: Path
) -> None:
    (tmp_path / FILE_NAME).write_text("mine")
    with pytest.raises(FileExistsError, match=r"admin\.token, which exists: move it away"):
        async with a_registry(database_url, auth=True, data_dir=tmp_path):
            pass
    assert (tmp_path / FILE_NAME).read_text() == "mine"
    async with a_registry(database_url, data_dir=tmp_path) as registry:
        assert not registry.view.snapshot.of(TOKEN)


def test_a_file_that_appears_in_the_meantime_is_not_replaced_and_the_token_not_lost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    handover = Handover("secret", tmp_path, has_terminal=False)
    handover.prepare()
    handover.prepare()
    (tmp_path / FILE_NAME).write_text("mine")
    handover.give()
    place = tmp_path / f".{FILE_NAME}.{os.getpid()}"
    assert capsys.readouterr().out == f"The token of the administrator is in {place}\n"
    assert (place.read_text(), (tmp_path / FILE_NAME).read_text()) == ("secret\n", "mine")


def test_on_a_terminal_the_token_is_printed_and_nothing_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    handover = Handover("secret", tmp_path, has_terminal=True)
    handover.prepare()
    handover.give()
    handover.discard()
    assert capsys.readouterr().out.splitlines()[1:] == ["  secret"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.end_to_end
async def test_of_processes_that_start_together_one_hands_the_token_over(
    database_url: str, tmp_path: Path
) -> None:
    folders = [tmp_path / name for name in "abc"]
    async with AsyncExitStack() as stack:
        starting = [
            stack.enter_async_context(
                serving(folder, "--auth", database_url=database_url, bootstrap="false")
            )
            for folder in folders
        ]
        await asyncio.gather(*starting)
        files = [path for folder in folders for path in folder.glob(f"state/*{FILE_NAME}*")]
        assert len(files) == 1
        texts = [TOKEN_TEXT.findall((folder / "log").read_text()) for folder in folders]
        assert texts == [[], [], []]
    async with a_registry(database_url) as registry:
        assert len(registry.view.snapshot.of(TOKEN)) == 1
        assert is_master(registry.view.snapshot, files[0].read_text().strip())


@pytest.mark.end_to_end
async def test_processes_that_share_their_folder_start_together(
    database_url: str, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        starting = [
            stack.enter_async_context(
                serving(
                    tmp_path / name,
                    "--auth",
                    database_url=database_url,
                    data_dir=str(tmp_path / "state"),
                )
            )
            for name in "ab"
        ]
        await asyncio.gather(*starting)
        assert [each.name for each in (tmp_path / "state").iterdir()] == [FILE_NAME]


@pytest.mark.end_to_end
async def test_a_process_with_a_terminal_prints_the_token_there_and_not_in_the_log(
    database_url: str, tmp_path: Path
) -> None:
    leader, follower = os.openpty()
    environment = {
        **os.environ,
        "WAYPOST_DATABASE_URL": database_url,
        "WAYPOST_DATA_DIR": str(tmp_path),
        "WAYPOST_AUTH": "true",
        "WAYPOST_API_PORT": str(free_port()),
        "WAYPOST_DNS_PORT": str(free_port()),
    }
    with (tmp_path / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *CHECKOUT.command,
            "serve",
            cwd=CHECKOUT.folder,
            env=environment,
            stdout=follower,
            stderr=log,
        )
    os.close(follower)
    shown = ""
    while not (found := TOKEN_TEXT.findall(shown)):
        shown += (await asyncio.to_thread(os.read, leader, 4096)).decode()
    process.terminate()
    await process.wait()
    os.close(leader)
    async with a_registry(database_url) as registry:
        assert is_master(registry.view.snapshot, found[0])
    assert not TOKEN_TEXT.findall((tmp_path / "log").read_text())
    assert os.listdir(tmp_path) == ["log"]  # noqa: PTH208  a path that is asked in a test


async def test_whoever_holds_the_database_can_issue_a_token(database_url: str) -> None:
    async with a_registry(database_url) as registry, connected(database_url) as engine:
        token, text = await issue_by_database(engine, Policy())
        seen = await registry.view.wait_for(token.metadata.revision)
        assert is_master(seen, text)
        assert token.created_by == "system:database"


async def test_a_backup_is_restored_into_a_registry_that_has_only_its_built_in_roles(
    database_url: str, tmp_path: Path
) -> None:
    settings = {"auth": True, "data_dir": tmp_path}
    async with a_registry(database_url, **settings) as registry, connected(database_url) as engine:
        before = registry.view.snapshot
        lines = [line async for line in backup_lines(engine)]
    await empty_database(database_url)
    (tmp_path / FILE_NAME).unlink()
    async with a_registry(database_url, **settings), connected(database_url) as engine:
        await restore(engine, read_backup(lines), replace=False)
    async with a_registry(database_url, **settings) as registry:
        after = registry.view.snapshot
        assert len(after.of(TOKEN)) == 1
        for name, held in before.objects.items():
            assert name == TOKEN.name or dict(after.objects[name]) == dict(held)


def test_the_break_glass_prints_the_text_alone(database_url: str) -> None:
    words = [sys.executable, "-m", "app", "token", "create", "--admin", "--database"]
    environment = {**os.environ, "WAYPOST_DATABASE_URL": database_url}
    for form in ("table", "json"):
        ended = subprocess.run(
            [*words, "-o", form],
            cwd=CHECKOUT.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        printed = ended.stdout if form == "table" else json.loads(ended.stdout)["status"]["token"]
        assert TOKEN_TEXT.fullmatch(printed.strip())
        assert not TOKEN_TEXT.search(ended.stderr)
