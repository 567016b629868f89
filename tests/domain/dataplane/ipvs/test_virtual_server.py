"""Virtual servers are compared as a kernel would: by what it knows of them."""

from app.domain.addresses import IPFamily
from app.domain.dataplane.ipvs.virtual_server import VirtualServer, server_key
from app.domain.objects.service import ServicePortName
from tests.builders import a_destination, key

SERVER = VirtualServer(
    key=server_key(IPFamily.IPV4, "TCP", "10.96.0.1", 80),
    scheduler="rr",
    real_servers=(a_destination("10.244.0.1", 8080),),
)


def test_what_a_server_is_for_makes_no_difference() -> None:
    named = SERVER._replace(name=ServicePortName(key("web"), "http", "TCP"))
    assert named == SERVER
    assert (named != SERVER) is False
    assert hash(named) == hash(SERVER)


def test_everything_else_does() -> None:
    for other in (
        SERVER._replace(scheduler="lc"),
        SERVER._replace(real_servers=()),
        SERVER._replace(key=server_key(IPFamily.IPV4, "UDP", "10.96.0.1", 80)),
        tuple(SERVER),
    ):
        assert other != SERVER
        assert (other == SERVER) is False
