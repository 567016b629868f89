"""What a load balancer learns of a node: HTTP from any namespace of the lab."""

import json
import socket
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any, Final

from tests.kernel.lab.namespaces import inside

ASKED_WITHIN_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class Health:
    """A status and a document; a status of 0 when nobody answers."""

    status: int = 0
    document: Any = None


def ask_health(caller: str, address: str, port: int, path: str = "/healthz") -> Health:
    """Send one GET from a namespace."""
    with inside(caller):
        asking = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    asking.settimeout(ASKED_WITHIN_S)
    connection = HTTPConnection(address, port)
    connection.sock = asking
    try:
        asking.connect((address, port))
        connection.request("GET", path)
        answer = connection.getresponse()
        return Health(answer.status, json.loads(answer.read()))
    except (OSError, HTTPException):
        return Health()
    finally:
        connection.close()
