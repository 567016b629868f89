"""One of the three programs of docker-compose.demo.yml: says its name, and asks others for theirs.

program.py NAME PEER...      GET /name -> its name and address      GET / -> those of its peers
"""

import json
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import urlopen

PORT = 8080
WAIT_S = 10  # longer than a C library waits for a DNS server before it asks the next
NAME, *PEERS = sys.argv[1:]


class Program(BaseHTTPRequestHandler):
    """Answers over HTTP, in JSON."""

    def do_GET(self) -> None:
        """Answer with this program's name, or with what its peers answer to that question."""
        if self.path == "/name":
            octets = json.dumps(f"{NAME} at {self.connection.getsockname()[0]}").encode()
        else:
            octets = json.dumps({peer: asked(peer) for peer in PEERS}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(octets)))
        self.end_headers()
        self.wfile.write(octets)


def asked(peer: str) -> str:
    """Ask a peer, by the name of its Service."""
    try:
        with urlopen(f"http://{peer}:{PORT}/name", timeout=WAIT_S) as answer:
            return json.load(answer)
    except OSError as error:
        return f"error: {error}"


if __name__ == "__main__":
    ThreadingHTTPServer.address_family = socket.AF_INET
    ThreadingHTTPServer(("", PORT), Program).serve_forever()
