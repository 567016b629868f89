"""Generated names: deterministic, distinct, and valid."""

from hypothesis import given
from hypothesis import strategies as st

from app.domain.names import label_problems
from app.domain.registration.naming import generated_name


@given(st.text(max_size=80), st.integers(min_value=0))
def test_a_generated_name_is_the_same_for_the_same_seed(prefix: str, seed: int) -> None:
    name = generated_name(prefix, seed)
    assert name == generated_name(prefix, seed)
    assert name[:-5] == prefix[:58]
    assert set(name[-5:]) <= set("bcdfghjklmnpqrstvwxz2456789")


@given(st.from_regex(r"[a-z][-a-z0-9]{0,62}", fullmatch=True))
def test_a_valid_prefix_gives_a_valid_name(prefix: str) -> None:
    assert not label_problems(generated_name(prefix, 1))


def test_names_for_following_seeds_differ() -> None:
    assert len({generated_name("web-", seed) for seed in range(1_000)}) > 990
