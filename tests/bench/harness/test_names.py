import dns.message
import dns.rdatatype
import pytest

from bench.harness.names import SRV, A, question


@pytest.mark.parametrize("qtype", [A, SRV])
def test_a_question_is_what_a_dns_library_reads(qtype: int) -> None:
    message = dns.message.from_wire(question("service-1.team-1.svc.cluster.local", qtype))
    (asked,) = message.question
    assert asked.name.to_text() == "service-1.team-1.svc.cluster.local."
    assert asked.rdtype == dns.rdatatype.RdataType(qtype)
