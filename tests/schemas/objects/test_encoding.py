"""An object is encoded once for all clients, and the cache is bounded."""

from app.domain.changes import octets_of
from app.schemas.objects.codec import encode_bytes
from app.schemas.objects.encoding import Encoder
from tests.builders import a_service


def test_an_object_is_encoded_once() -> None:
    encoder, web = Encoder(), a_service("web")
    assert encoder.encode(web) is encoder.encode(web)
    assert encoder.encode(web) == encode_bytes(web)
    assert encoder.encoded == 1


def test_the_cache_is_bounded_and_keeps_the_most_recently_used() -> None:
    services = [a_service(f"s{number}") for number in range(10)]
    each = octets_of(services[0]) + len(encode_bytes(services[0]))
    encoder = Encoder(octets_max=3 * each)
    for service in services[1:]:
        encoder.encode(services[0])
        encoder.encode(service)
    assert encoder.encoded == 10, "the first has been asked for again and again"
    for service in services[1:8]:
        encoder.encode(service)
    assert encoder.encoded == 17, "others have been forgotten"


def test_entries_that_are_too_old_are_evicted_with_the_next_use() -> None:
    now_s = [0.0]
    encoder = Encoder(age_s_max=30, clock=lambda: now_s[0])
    asked, not_asked = a_service("asked"), a_service("not-asked")
    for now_s[0] in (0.0, 20.0, 40.0):
        encoder.encode(asked)
        if not now_s[0]:
            encoder.encode(not_asked)
    encoder.encode(a_service("new"))
    encoder.encode(asked)
    assert encoder.encoded == 3
    encoder.encode(not_asked)
    assert encoder.encoded == 4


def test_an_object_too_large_for_the_cache_is_encoded() -> None:
    encoder, web = Encoder(octets_max=1), a_service()
    assert encoder.encode(web) == encoder.encode(web)
    assert encoder.encoded == 2


def test_pieces_are_bounded_in_objects_and_in_octets() -> None:
    small, large = a_service("s"), a_service("l", annotations={"a": "x" * 1_000})
    encoder = Encoder()
    by_number = encoder.pieces([small] * 7, objects_max=3)
    assert [len(piece) for piece in by_number] == [3, 3, 1]
    by_octets = encoder.pieces([large] * 5, octets_max=2_000)
    assert [len(piece) for piece in by_octets] == [2, 2, 1]
    assert list(encoder.pieces([])) == []


def test_a_list_longer_than_the_cache_is_cached_as_far_as_there_is_room() -> None:
    services = [a_service(f"s{number}") for number in range(10)]
    each = octets_of(services[0]) + len(encode_bytes(services[0]))
    encoder = Encoder(octets_max=4 * each)
    written = encoder.encode(services[9])
    for _ in range(3):
        list(encoder.pieces(services))
    assert encoder.encoded == 10 + 2 * 6, "three of them, and what was written, are known"
    assert encoder.encode(services[9]) is written


def test_pieces_are_encoded_lazily() -> None:
    encoder = Encoder()
    pieces = encoder.pieces((a_service(f"s{number}") for number in range(9)), objects_max=2)
    next(pieces)
    assert encoder.encoded == 2
