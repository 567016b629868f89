"""Questions to a DNS server on this machine, over real sockets."""

import asyncio

import dns.message
import dns.query

ANSWER_S_MAX = 10.0


async def asked(
    port: int, name: str, rdtype: str = "A", *, tcp: bool = False
) -> dns.message.Message:
    """Ask one question; gives the whole answer."""
    question = dns.message.make_query(name, rdtype)
    if tcp:
        return await asyncio.to_thread(dns.query.tcp, question, "127.0.0.1", ANSWER_S_MAX, port)
    return await asyncio.to_thread(dns.query.udp, question, "127.0.0.1", ANSWER_S_MAX, port)


def texts(answer: dns.message.Message) -> list[str]:
    """Give what the first RRset of an answer holds, as a zone file would say it."""
    return [line.split(maxsplit=4)[4] for line in answer.answer[0].to_text().splitlines()]
