"""Access to documents gives the value, or an empty one, and never fails."""

from hypothesis import given
from hypothesis import strategies as st

from app.cli.fields import at, mapping, mappings, sequence, text, texts

SERVICE = {
    "metadata": {"name": "ent"},
    "spec": {
        "ports": [{"port": 80}, "odd"],
        "clusterIPs": ["10.96.0.20"],
        "on": True,
        "none": None,
    },
}
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=10,
)


def test_a_path_leads_to_a_value() -> None:
    assert text(SERVICE, "metadata", "name") == "ent"
    assert text(SERVICE, "spec", "on") == "true"
    assert texts(SERVICE, "spec", "clusterIPs") == ("10.96.0.20",)
    assert mapping(SERVICE, "metadata") == {"name": "ent"}


def test_other_values_are_left_out_of_a_list_of_objects() -> None:
    assert [text(port, "port") for port in mappings(SERVICE, "spec", "ports")] == ["80"]


def test_a_missing_path_is_empty() -> None:
    assert at(SERVICE, "metadata", "name", "further") is None
    assert text(SERVICE, "status", "phase", default="Unknown") == "Unknown"
    assert text(SERVICE, "spec", "none") == ""
    assert mapping(SERVICE, "spec", "ports") == {}
    assert sequence(SERVICE, "metadata") == ()


@given(json_values, st.lists(st.sampled_from("abc"), max_size=3))
def test_any_document_can_be_accessed(document: object, path: list[str]) -> None:
    assert isinstance(text(document, *path), str)
    assert isinstance(texts(document, *path), tuple)
    assert isinstance(mappings(document, *path), tuple)
