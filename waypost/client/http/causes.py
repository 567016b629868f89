"""Why a connection failed, as the operating system or TLS words it.

exception of a library -> the message of its first cause
"""

import os
import socket
from typing import Final, cast

from waypost.client.errors import shown

_CAUSES_MAX: Final = 8  # exceptions below one of a library


def reason_of(error: BaseException) -> str:
    """Find the operating system's message below those of the libraries."""
    words = str(error) or type(error).__name__
    cause: BaseException = error
    for _ in range(_CAUSES_MAX):
        if isinstance(cause, OSError) and (found := _reason(cause)):
            return found
        if isinstance(cause, BaseExceptionGroup):
            following = cast("BaseExceptionGroup[BaseException]", cause).exceptions[0]
        else:
            following = cause.__cause__ or cause.__context__
        if following is None:
            break
        cause = following
    return words


def _reason(error: OSError) -> str:
    # Only errors of TLS have a library; the module is slow to load, and their errno is OpenSSL's.
    if hasattr(error, "library"):
        return _reason_of_tls(error)
    if isinstance(error, socket.gaierror):
        return f"the name of its host is not found: {error.strerror}"
    return os.strerror(error.errno) if error.errno else ""


def _reason_of_tls(error: OSError) -> str:
    import ssl  # noqa: PLC0415  as above

    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"its certificate is not trusted: {shown(error.verify_message)}; "
            "SSL_CERT_FILE may name a file of the authorities to trust"
        )
    reason = error.reason if isinstance(error, ssl.SSLError) else ""
    return f"TLS has failed: {reason or shown(str(error))}"
