from bench.catalogue import MEASURES, named


def test_names_choose_benchmarks_by_how_they_begin() -> None:
    assert named([]) == list(MEASURES)
    assert named(["writes", "ap"]) == ["apply", "writes"]
    assert named(["nothing"]) == []
