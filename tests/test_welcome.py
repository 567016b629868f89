"""The commands that serve prints work as printed."""

import sys
from pathlib import Path

import pytest

from app import welcome as welcoming
from app.config import Settings
from app.welcome import called_as, commands, reachable, url_of, welcome

EVERYWHERE = "0.0.0.0"  # noqa: S104  nothing is bound


def listening(**fields: str | int) -> Settings:
    return Settings.model_construct(**fields)  # pyright: ignore[reportArgumentType]  fields vary


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the examples and a program of ours, on a system that has all tools."""
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples/ent.yaml").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [".venv/bin/waypost", "serve"])
    with_tools(monkeypatch, "dig", "curl")
    return tmp_path


def with_tools(
    monkeypatch: pytest.MonkeyPatch, *names: str, folder: Path = Path("/usr/bin")
) -> None:
    def found(name: str) -> str | None:
        return str(folder / name) if name in names else None

    monkeypatch.setattr(welcoming.shutil, "which", found)


def test_a_server_with_a_certificate_is_reached_over_https() -> None:
    assert url_of(listening(tls_cert="server.pem")) == "https://127.0.0.1:8053"
    assert url_of(listening(tls_cert="server.pem", api_host="::")) == "https://[::1]:8053"


@pytest.mark.usefixtures("checkout")
def test_a_checkout_has_its_examples_to_try() -> None:
    assert list(commands(listening())) == [
        ".venv/bin/waypost apply -f examples/ent.yaml",
        "dig @127.0.0.1 -p 1053 ent.default.svc.cluster.local +short",
        "curl -s http://127.0.0.1:8053/services",
    ]


def test_without_examples_and_tools_the_commands_need_neither(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (checkout / "examples/ent.yaml").unlink()
    with_tools(monkeypatch)
    first, second, third = commands(listening(api_port=9000))
    assert first.startswith("echo '{")
    assert first.endswith("apply -f - --api http://127.0.0.1:9000")
    assert second == ".venv/bin/waypost resolve ent --api http://127.0.0.1:9000"
    assert third == ".venv/bin/waypost get services -A --api http://127.0.0.1:9000"


@pytest.mark.usefixtures("checkout")
def test_it_prints_the_addresses_of_the_server(capsys: pytest.CaptureFixture[str]) -> None:
    welcome(listening(api_host="::", dns_host=EVERYWHERE, dns_port=53))
    out = capsys.readouterr().out
    assert "http://[::1]:8053/docs" in out
    assert f"{EVERYWHERE} port 53, UDP and TCP" in out
    assert "dig @127.0.0.1 -p 53 " in out


def test_it_prints_where_the_data_are(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    welcome(listening())
    assert f"{checkout}/.waypost (WAYPOST_DATA_DIR)" in capsys.readouterr().out
    welcome(listening(database_url="postgresql://waypost:pass-word@db/waypost"))
    out = capsys.readouterr().out
    assert "the database of WAYPOST_DATABASE_URL" in out
    assert "pass-word" not in out


@pytest.mark.parametrize(
    ("host", "address"),
    [(EVERYWHERE, "127.0.0.1"), ("::", "::1"), ("192.0.2.1", "192.0.2.1"), ("box", "box")],
)
def test_every_address_is_reached_through_loopback(host: str, address: str) -> None:
    assert reachable(host) == address


@pytest.mark.parametrize(
    ("called", "again"),
    [
        ("/opt/app/__main__.py", f"{sys.executable} -m app"),
        ("/a folder/waypost", "'/a folder/waypost'"),
    ],
)
def test_the_program_is_named_as_it_was_called(
    monkeypatch: pytest.MonkeyPatch, called: str, again: str
) -> None:
    monkeypatch.setattr(sys, "argv", [called])
    with_tools(monkeypatch)
    assert called_as() == again


def test_a_program_on_the_path_is_named_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "waypost"
    program.touch()
    monkeypatch.setattr(sys, "argv", [str(program)])
    with_tools(monkeypatch, "waypost", folder=tmp_path)
    assert called_as() == "waypost"


@pytest.mark.usefixtures("checkout")
def test_with_authentication_the_commands_send_a_token(capsys: pytest.CaptureFixture[str]) -> None:
    *_, third = commands(listening(auth=True))
    assert third == (
        'curl -s -H "Authorization: Bearer $WAYPOST_TOKEN" http://127.0.0.1:8053/services'
    )
    welcome(listening(auth=True))
    assert "with a token in WAYPOST_TOKEN" in capsys.readouterr().out
