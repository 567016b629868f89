"""The token of a client: sent with every request, read anew when its file changes, kept private."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from waypost.client.errors import InvalidToken, InvalidURL
from waypost.client.http.bounded_reading import http_client
from waypost.client.http.credentials import TOKEN_OCTETS_MAX, Credentials, is_loopback
from waypost.client.http.registry_client import RegistryClient

HERE = "http://127.0.0.1:8053"


def answering(*codes: int) -> tuple[httpx.MockTransport, list[str | None]]:
    """Answer with these codes in turn, then 200; collects what was sent as credentials."""
    left, seen = list(codes), list[str | None]()

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("authorization"))
        return httpx.Response(left.pop(0) if left else 200)

    return httpx.MockTransport(answer), seen


async def sent(credentials: Credentials | None, *codes: int) -> list[str | None]:
    transport, seen = answering(*codes)
    async with http_client(transport=transport, credentials=credentials) as client:
        await client.get(f"{HERE}/services")
    return seen


async def test_a_token_is_sent_as_a_bearers() -> None:
    assert await sent(Credentials(" wpu_x\n")) == ["Bearer wpu_x"]
    assert await sent(Credentials()) == [None]
    assert await sent(None) == [None]


async def test_a_refused_token_of_a_setting_is_sent_once() -> None:
    assert await sent(Credentials("a"), 401) == ["Bearer a"]


async def test_a_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "token"
    credentials = Credentials("before", file)
    assert await sent(credentials) == ["Bearer before"]
    for text in ("first", "other"):
        renewed = tmp_path / "new"
        renewed.write_text(f"{text}\n")
        renewed.replace(file)
        assert await sent(credentials) == [f"Bearer {text}"]


def gone(file: Path) -> None:
    file.unlink()


def no_token(file: Path) -> None:
    file.write_bytes(b"\xff two words")


def too_long(file: Path) -> None:
    file.write_text("x" * (TOKEN_OCTETS_MAX + 1))


@pytest.mark.parametrize("damage", [gone, no_token, too_long])
async def test_a_file_that_is_gone_or_no_token_leaves_the_one_before(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    file = tmp_path / "token"
    file.write_text("first")
    credentials = Credentials(file=file)
    assert await sent(credentials) == ["Bearer first"]
    damage(file)
    assert await sent(credentials, 401) == ["Bearer first"]


async def test_after_a_401_the_file_is_read_and_asked_with_once_more(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("old")
    credentials = Credentials(file=file)
    seen: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("authorization"))
        file.write_text("new")
        return httpx.Response(401)

    transport = httpx.MockTransport(answer)
    async with http_client(transport=transport, credentials=credentials) as client:
        assert (await client.get(f"{HERE}/services")).status_code == 401
    assert seen == ["Bearer old", "Bearer new"]


@pytest.mark.parametrize("text", ["two words", "a\nb", "é", "a=b", "\x00"])
def test_a_text_that_cannot_be_sent_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(InvalidToken) as refused:
        Credentials(text)
    assert text not in str(refused.value)


@pytest.mark.parametrize("url", ["http://waypost:8053", "http://192.0.2.1", "http://[2001:db8::1]"])
def test_a_token_is_not_sent_in_the_clear_to_another_machine(url: str) -> None:
    with pytest.raises(InvalidURL, match="use https"):
        RegistryClient([HERE, url], credentials=Credentials("secret"))
    with pytest.raises(InvalidURL, match="use https"):
        RegistryClient([url], credentials=Credentials(file=Path("token")))
    assert RegistryClient([url], credentials=Credentials()).url == url
    assert RegistryClient(["https://waypost"], credentials=Credentials("secret"))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_this_machine_is_reached_privately(host: str) -> None:
    assert is_loopback(host)


def test_a_token_is_in_no_representation() -> None:
    assert "secret" not in repr(Credentials("secret"))


def test_why_there_is_no_token_is_said(tmp_path: Path) -> None:
    assert Credentials("wpu_x").problem == ""
    assert Credentials().problem == "none is given"
    file = tmp_path / "token"
    credentials = Credentials("", file)
    assert credentials.token() == ""
    assert credentials.problem == f"{file} cannot be read: No such file or directory"
    file.write_text("two words")
    assert credentials.token() == ""
    assert credentials.problem == f"{file} has no token"
    file.write_text("wpu_y")
    assert credentials.token() == "wpu_y"
    assert credentials.problem == ""
