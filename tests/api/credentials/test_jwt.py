"""Signed tokens: form, keys and signatures, before any claim is believed."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import OctKey, OKPKey

from app.api.credentials.jwt import (
    KEYS_MAX,
    TOKEN_CHARACTERS_MAX,
    SignedToken,
    is_signed_by,
    parse_key_set,
    read_jwt,
)
from app.api.credentials.outcomes import Failure, Method, Refused
from tests.api.credentials.signing import (
    ALGORITHMS,
    claims,
    encoded,
    jwk_of,
    key_for,
    key_set,
    octets_of,
    signed,
    with_header,
)

TOKEN = signed()
KEY = key_for("ES256")
RSA = key_for("RS256")


def read(text: str) -> SignedToken:
    token = read_jwt(text)
    assert isinstance(token, SignedToken), token
    return token


def refusal(text: str) -> Failure:
    outcome = read_jwt(text)
    assert isinstance(outcome, Refused)
    assert outcome.method is Method.JWT
    return outcome.failure


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_token_is_signed_by_the_key_that_signed_it_and_no_other(algorithm: str) -> None:
    token = read(signed(algorithm=algorithm))
    own = key_set(jwk_of(key_for(algorithm)))
    other = key_set(jwk_of(key_for(algorithm, 1)))
    found, stranger = own.find(token), other.find(token)
    assert found is not None
    assert stranger is not None
    assert is_signed_by(token, found)
    assert not is_signed_by(token, stranger)


@given(st.integers(0, 2), st.data())
def test_a_changed_token_is_signed_by_nobody(part: int, data: st.DataObject) -> None:
    parts = TOKEN.split(".")
    place = data.draw(st.integers(0, len(parts[part]) - 2))  # the last has bits that mean nothing
    letter = data.draw(st.sampled_from("ABab01-_").filter(lambda each: each != parts[part][place]))
    parts[part] = parts[part][:place] + letter + parts[part][place + 1 :]
    token = read_jwt(".".join(parts))
    if isinstance(token, SignedToken):
        key = key_set(jwk_of(KEY)).find(token)
        assert key is None or not is_signed_by(token, key)


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda octets: octets.decode("latin-1")))
def test_any_text_is_read_or_refused(text: str) -> None:
    assert isinstance(read_jwt(text), SignedToken | Refused)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    )
)
def test_any_header_is_read_or_refused(header: object) -> None:
    outcome = read_jwt(with_header(TOKEN, json.dumps(header).encode()))
    assert isinstance(outcome, Refused)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "..",
        "a.b",
        TOKEN + ".",
        TOKEN + ".x",
        TOKEN.rpartition(".")[0] + ".",
        TOKEN + "=",
        TOKEN + "\n",
        " " + TOKEN,
        TOKEN.replace(".", ". ", 1),
        TOKEN.rpartition(".")[0] + ".abcde",
    ],
)
def test_three_parts_of_base64url_without_padding_are_needed(text: str) -> None:
    assert refusal(text) is Failure.FORM


def test_a_token_is_bounded() -> None:
    long = signed(claims(text="x" * TOKEN_CHARACTERS_MAX))
    assert refusal(long) is Failure.SIZE


@pytest.mark.parametrize(
    "payload",
    [
        b"[]",
        b'"text"',
        b"",
        b"{",
        b"\xff",
        b'{"exp":NaN}',
        b'{"exp":Infinity}',
        b'{"exp":1e400}',
        b'{"a":1,"a":1}',
        b'{"a":{"b":1,"b":2}}',
        b'{"a":1} x',
        b'{"a":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    ],
)
def test_a_payload_is_one_object_of_strict_json(payload: bytes) -> None:
    header, _, signature = TOKEN.split(".")
    assert refusal(f"{header}.{encoded(payload)}.{signature}") is Failure.FORM


@pytest.mark.parametrize(
    "name", ["none", "None", "nOnE", "HS256", "EdDSA", "ES256K", "es256", "", None, 5, ["ES256"]]
)
def test_other_algorithms_are_refused_before_a_key_is_looked_for(name: object) -> None:
    header = json.dumps({"alg": name, "kid": "k"}).encode()
    assert refusal(with_header(TOKEN, header)) is Failure.ALGORITHM


@pytest.mark.parametrize("crit", [[], ["exp"], None, "exp"])
def test_any_critical_extension_is_refused(crit: object) -> None:
    header = json.dumps({"alg": "ES256", "crit": crit}).encode()
    assert refusal(with_header(TOKEN, header)) is Failure.CRITICAL


@pytest.mark.parametrize("b64", [False, None, 0, "false"])
def test_an_unencoded_payload_is_refused(b64: object) -> None:
    header = json.dumps({"alg": "ES256", "b64": b64}).encode()
    assert refusal(with_header(TOKEN, header)) is Failure.CRITICAL


@pytest.mark.parametrize("kind", ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt"])
def test_access_tokens_are_accepted_without_case(kind: str) -> None:
    assert isinstance(read_jwt(signed(typ=kind)), SignedToken)


@pytest.mark.parametrize("kind", ["logout+jwt", "secevent+jwt", "dpop+jwt", "", None, 1, ["JWT"]])
def test_tokens_for_something_else_are_refused(kind: object) -> None:
    header = json.dumps({"alg": "ES256", "typ": kind}).encode()
    assert refusal(with_header(TOKEN, header)) is Failure.TYPE


@pytest.mark.parametrize("key_id", [None, 5, ["k"], {}])
def test_a_key_is_named_by_a_text(key_id: object) -> None:
    header = json.dumps({"alg": "ES256", "kid": key_id}).encode()
    assert refusal(with_header(TOKEN, header)) is Failure.FORM


def test_keys_and_their_places_in_the_header_are_not_looked_at() -> None:
    stranger = key_for("ES256", 1)
    header: dict[str, Any] = {"jku": "https://evil.example", "x5u": 5, "x5c": ["x" * 2_000]}
    text = signed(key=stranger, jwk=jwk_of(stranger), **header)
    found = key_set(jwk_of(KEY)).find(read(text))
    assert found is not None
    assert not is_signed_by(read(text), found)
    assert is_signed_by(read(signed(**header)), found)


def test_without_a_name_the_only_key_that_fits_is_taken() -> None:
    token = read(with_header(TOKEN, b'{"alg":"ES256"}'))
    one, another = jwk_of(KEY), jwk_of(key_for("ES256", 1), kid="other")
    rsa = jwk_of(RSA, kid="rsa")
    assert key_set(one, rsa).find(token) == key_set(one).keys[0]
    assert key_set(one, another).find(token) is None
    assert key_set(rsa).find(token) is None


def test_with_a_name_it_is_that_key_or_none() -> None:
    token = read(TOKEN)
    one, another = jwk_of(KEY), jwk_of(key_for("ES256", 1), kid="other")
    assert key_set(another, one).find(token) == key_set(one).keys[0]
    assert key_set(another).find(token) is None
    assert key_set(one, jwk_of(key_for("ES256", 1))).find(token) is None, "two have the name"


@pytest.mark.parametrize(
    "parameters",
    [
        {"use": "enc"},
        {"use": 5},
        {"key_ops": ["sign"]},
        {"key_ops": []},
        {"key_ops": "verify"},
        {"kid": 5},
        {"alg": 5},
        {"kty": "oct"},
        {"kty": None},
        {"crv": "P-384"},
        {"crv": "P-1024"},
        {"crv": None},
        {"x": "AAAA"},
        {"x": 5},
    ],
)
def test_keys_that_are_not_for_signatures_are_left_out(parameters: dict[str, object]) -> None:
    assert key_set(jwk_of(KEY, **parameters)).keys == ()


@pytest.mark.parametrize("parameters", [{"use": "sig"}, {"key_ops": ["sign", "verify"]}])
def test_keys_that_say_they_are_for_signatures_are_kept(parameters: dict[str, object]) -> None:
    assert len(key_set(jwk_of(KEY, **parameters)).keys) == 1


def test_symmetric_short_and_other_keys_are_left_out() -> None:
    symmetric = OctKey.generate_key(256).as_dict(private=True)
    edwards = OKPKey.generate_key("Ed25519").as_dict(private=False)
    short = {"kty": "RSA", "n": encoded(b"\x80" + bytes(127)), "e": "AQAB"}
    long = {"kty": "RSA", "n": encoded(b"\x80" + bytes(2_047)), "e": "AQAB"}
    no_number = {"kty": "RSA", "n": "", "e": "AQAB"}
    kept = jwk_of(RSA)
    assert key_set(symmetric, edwards, short, long, no_number, kept) == key_set(kept)


@pytest.mark.parametrize(
    ("declared", "algorithm", "fits"),
    [
        (None, "RS256", True),
        (None, "PS512", True),
        (None, "ES256", False),
        ("RS256", "RS256", True),
        ("RS256", "PS256", False),
    ],
)
def test_a_key_fits_its_type_and_the_algorithm_that_it_declares(
    declared: str | None, algorithm: str, *, fits: bool
) -> None:
    parameters: dict[str, Any] = {} if declared is None else {"alg": declared}
    assert key_set(jwk_of(RSA, **parameters)).keys[0].fits(algorithm) == fits


def test_a_curve_fits_one_algorithm() -> None:
    key = key_set(jwk_of(key_for("ES384"))).keys[0]
    assert [each for each in ALGORITHMS if key.fits(each)] == ["ES384"]


def test_another_key_of_the_same_name_is_another_set() -> None:
    assert key_set(jwk_of(KEY)) == key_set(jwk_of(KEY))
    assert key_set(jwk_of(KEY)) != key_set(jwk_of(key_for("ES256", 1)))


@pytest.mark.parametrize("octets", [b"", b"[]", b"{}", b'{"keys":{}}', b"\xff", b"{"])
def test_what_is_no_set_of_keys_raises(octets: bytes) -> None:
    with pytest.raises(ValueError, match="the key set"):
        parse_key_set(octets)


def test_a_set_has_a_bounded_number_of_keys() -> None:
    many = [jwk_of(KEY, kid=str(number)) for number in range(KEYS_MAX + 1)]
    assert len(parse_key_set(octets_of(*many)).keys) == KEYS_MAX
    assert parse_key_set(b'{"keys":[1,null,[]]}').keys == ()


def test_tokens_and_claims_are_not_in_representations() -> None:
    assert TOKEN not in repr(read(TOKEN))
    assert "alice" not in repr(read(TOKEN))
