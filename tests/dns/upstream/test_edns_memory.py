"""Which servers are asked without EDNS, for how long, and what shows that they support it."""

from ipaddress import ip_address

import pytest

from app.dns.upstream.edns_memory import KNOWN_S, PLAIN_S, EdnsMemory
from app.dns.upstream.server_list import Server

ONE, OTHER = Server(ip_address("192.0.2.1")), Server(ip_address("192.0.2.2"))


def test_every_server_is_first_assumed_to_support_edns() -> None:
    assert not EdnsMemory().is_asked_plainly(ONE, 0)
    assert not EdnsMemory().is_known(ONE, 0)


def test_a_server_that_needs_plain_questions_gets_them_for_a_while_and_is_then_tried_again() -> (
    None
):
    memory = EdnsMemory()
    memory.needs_plain(ONE, 100)
    memory.needs_plain(ONE, 100 + PLAIN_S - 1)  # answers during the period do not extend it
    assert memory.is_asked_plainly(ONE, 100 + PLAIN_S - 1)
    assert not memory.is_asked_plainly(ONE, 100 + PLAIN_S)
    assert not memory.is_asked_plainly(OTHER, 100)
    memory.needs_plain(ONE, 100 + PLAIN_S)
    assert memory.is_asked_plainly(ONE, 100 + PLAIN_S)


def test_an_opt_record_ends_the_plain_questions() -> None:
    memory = EdnsMemory()
    memory.needs_plain(ONE, 0)
    memory.shown(ONE, 1)
    assert not memory.is_asked_plainly(ONE, 2)


def test_a_missing_answer_makes_a_server_suspect_until_it_answers_or_misses_both() -> None:
    memory = EdnsMemory()
    memory.silent(ONE, 0, was_plain=False)
    assert memory.is_asked_plainly(ONE, 10**6)
    memory.silent(ONE, 1, was_plain=True)
    assert not memory.is_asked_plainly(ONE, 2)
    memory.silent(ONE, 3, was_plain=False)
    memory.shown(ONE, 4)
    assert not memory.is_asked_plainly(ONE, 5)


@pytest.mark.parametrize("age_s", [0, KNOWN_S - 1, KNOWN_S])
def test_a_server_that_recently_showed_edns_is_not_suspect(age_s: float) -> None:
    memory = EdnsMemory()
    memory.shown(ONE, 0)
    is_known = age_s < KNOWN_S
    assert memory.is_known(ONE, age_s) == is_known
    memory.silent(ONE, age_s, was_plain=False)
    assert memory.is_asked_plainly(ONE, age_s) != is_known
    memory.needs_plain(ONE, age_s)
    assert memory.is_asked_plainly(ONE, age_s) != is_known
