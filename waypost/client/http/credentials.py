"""The token that a client sends with every request, from a setting or a file.

    text | file -> Credentials -> Authorization: Bearer …

A file is read again when it changes, and once after a 401, because tokens are renewed by replacing
the file.  A token is sent unencrypted only to this machine.

Source: access.md 1.2; RFC 6750 section 2.1.
"""

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from waypost.client.errors import InvalidToken

TOKEN_OCTETS_MAX: Final = 16_384  # of a file; tokens of issuers are at most as long
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_Stamp = tuple[int, int, int]  # inode, size and time of a file


class Credentials:
    """A token, if there is one."""

    def __init__(self, text: str = "", file: Path | None = None) -> None:
        """Take the token from ``text``, or from a file, which may be created later.

        Raises InvalidToken for a text that cannot be sent.
        """
        self._text = text.strip()
        if self._text and not _TOKEN.fullmatch(self._text):
            raise InvalidToken("the token has characters that no token has: see WAYPOST_TOKEN")
        self._file = file
        self._stamp: _Stamp | None = None
        self._unread = ""  # why the file has not been taken

    def __bool__(self) -> bool:
        """Whether there is, or may be, a token."""
        return bool(self._text) or self._file is not None

    @property
    def problem(self) -> str:
        """Why there is no token, for people; empty when there is one."""
        if self._text:
            return ""
        if self._file is None:
            return "none is given"
        return f"{self._file} {self._unread or 'has not been read'}"

    def token(self) -> str:
        """Give the current token."""
        if self._file is not None:
            stamp = _stamp_of(self._file)
            if stamp is None or stamp != self._stamp:
                self._read(self._file, stamp)
        return self._text

    def renewed(self) -> str:
        """Read the file, whatever it was when it was read before, and give the token."""
        if self._file is not None:
            self._read(self._file, _stamp_of(self._file))
        return self._text

    def _read(self, file: Path, stamp: _Stamp | None) -> None:
        """Read the file; an incomplete or missing file changes nothing."""
        try:
            with file.open("rb") as opened:
                text = opened.read(TOKEN_OCTETS_MAX + 1).decode("latin-1")
        except OSError as error:
            self._unread = f"cannot be read: {error.strerror}"
            return
        if len(text) <= TOKEN_OCTETS_MAX and _TOKEN.fullmatch(text := text.strip()):
            self._text, self._stamp, self._unread = text, stamp, ""
        else:
            self._unread = "has no token"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a socket that listens at ``host``."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _stamp_of(file: Path) -> _Stamp | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
