"""A DNS server of somebody else, which behaves as the first label of a name says.

    cnameonce    a CNAME alone the first time, with its address after
    cnamenodata  the same, with an SOA beside it the first time
    servfail     SERVFAIL
    formerr      FORMERR when the question has an OPT, an answer otherwise
    plain        an answer

What nobody has heard of does not exist.
"""

from collections import Counter

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from tests.dns.upstream_server import Asked

PLAIN, AFTER_CNAME, AFTER_NODATA = "192.0.2.80", "192.0.2.81", "192.0.2.82"
CNAME_TTL_S, MINIMUM_TTL_S = 300, 2


class ByFirstLabel:
    """Answers, and remembers how often it was asked for a name."""

    def __init__(self) -> None:
        self._asked: Counter[str] = Counter()

    def __call__(self, asked: Asked) -> bytes:
        return self._reply(asked.message).to_wire()

    def _reply(self, query: dns.message.Message) -> dns.message.Message:
        (question,) = query.question
        name, type_ = question.name.to_text(), dns.rdatatype.to_text(question.rdtype)
        reply = dns.message.make_response(query, recursion_available=True)
        self._asked[f"{name} {type_}"] += 1
        is_first = self._asked[f"{name} {type_}"] == 1
        match name.partition(".")[0]:
            case "servfail":
                reply.set_rcode(dns.rcode.SERVFAIL)
            case "formerr" if query.edns >= 0:
                reply = dns.message.Message(query.id)
                reply.flags = dns.flags.QR
                reply.set_rcode(dns.rcode.FORMERR)
            case "formerr" | "plain":
                _add(reply, name, type_, PLAIN)
            case "cnameonce" | "cnamenodata" as behaviour:
                reply.answer.append(
                    dns.rrset.from_text(name, CNAME_TTL_S, "IN", "CNAME", f"target.{name}")
                )
                if not is_first:
                    address = AFTER_CNAME if behaviour == "cnameonce" else AFTER_NODATA
                    _add(reply, f"target.{name}", type_, address)
                elif behaviour == "cnamenodata":
                    reply.authority.append(_soa())
            case _:
                reply.set_rcode(dns.rcode.NXDOMAIN)
                reply.authority.append(_soa())
        return reply


def _add(reply: dns.message.Message, name: str, type_: str, address: str) -> None:
    if type_ == "A":
        reply.answer.append(dns.rrset.from_text(name, CNAME_TTL_S, "IN", "A", address))


def _soa() -> dns.rrset.RRset:
    words = f"ns.example.test. root.example.test. 1 3600 600 86400 {MINIMUM_TTL_S}"
    return dns.rrset.from_text("example.test.", MINIMUM_TTL_S, "IN", "SOA", words)
