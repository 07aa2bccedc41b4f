"""The score tables and charts of a report, from an evaluation as the asset writes it."""

from typing import Any

from prox_assets.quality.report.charts import score_charts, score_view

BY = {"precision": 0.5, "recall": 0.5, "f1": 0.5, "f1_low": 0.4, "f1_high": 0.6, "n": 10, "n_documents": 2}
PLACES = {
    f"{10 * tenth}%": BY | {"positive_share": 0.1, "predicted_share": tenth / 10} for tenth in range(10)
}
EVALUATION: dict[str, Any] = {
    "labelled_documents": 3,
    "lines": {"f1": 0.75, "f1_low": 0.7, "f1_high": 0.8, "roc_auc": 0.91, "n_lines": 1200},
    "lines_by": {"language": {"en": BY, "de": BY | {"n": 30}}, "place": PLACES},
    "line_reliability": {"confidence": [0.1, 0.0, 0.9], "frequency": [0.2, 0.0, 0.8], "count": [5, 0, 9]},
    "characters": {"f1": 0.6, "n_characters": 9000},
    "programs": {"n_programs": 40, "malformed_share": 0.0},
    "baselines": {"rules": {"lines": {"f1": 0.5}, "lines_by": {"language": {"en": BY}}}},
    "leads": {"rules": {"lines": {"f1": 0.25, "f1_low": 0.2, "f1_high": 0.3}}},
}


def test_systems_stand_side_by_side() -> None:
    view = score_view(EVALUATION)
    assert view is not None
    assert view.systems == ("refiners", "rules teacher")
    rows = {row.name: row.values for row in view.rows}
    assert rows["Lines (noise is positive)"] == ("1,200", "")
    lines = [row.values for row in view.rows if row.name == "F1"]
    assert lines == [("0.750 (0.700–0.800)", "0.500"), ("0.600", "")]
    assert rows["area under ROC"] == ("0.910", "")
    assert rows["refiners ahead by, F1"] == ("", "+0.250 (+0.200 to +0.300)")
    assert rows["malformed programs"] == ("0.000", "")


def test_groups_largest_first_and_only_where_there_are_several() -> None:
    view = score_view(EVALUATION)
    assert view is not None
    table, places = view.lines_by
    assert (table.title, table.members) == ("Language", 2)
    assert [row.name for row in table.rows] == ["de (30)", "en (10)"]
    assert table.rows[0].values == ("0.500 (0.400–0.600)", "")
    assert places.title == "Place in the page"
    assert [row.name for row in places.rows] == [f"{10 * tenth}% (10)" for tenth in range(10)]
    assert view.documents_by == ()


def test_quarters_of_length_stand_in_order() -> None:
    names = ("longest quarter", "second quarter", "shortest quarter", "third quarter")
    view = score_view(EVALUATION | {"documents": BY, "documents_by": {"length": dict.fromkeys(names, BY)}})
    assert view is not None
    ((first, *_, last),) = (table.rows for table in view.documents_by)
    assert (first.name, last.name) == ("shortest quarter (10)", "longest quarter (10)")


def test_a_group_without_positives_has_no_f1() -> None:
    spam = BY | {"f1": 0.0, "positive_share": 0.0, "predicted_share": 0.25}
    kinds = {"page_type": {"spam": spam, "article": BY | {"positive_share": 1.0}}}
    view = score_view(EVALUATION | {"documents": BY, "documents_by": kinds})
    assert view is not None
    assert {row.name: row.values[0] for row in view.documents_by[0].rows} == {
        "article (10)": "0.500 (0.400–0.600)",
        "spam (10)": "25.0% wrongly",
    }


def test_charts_of_what_there_is() -> None:
    assert set(score_charts(EVALUATION)) == {"line_reliability", "places"}
    assert score_charts(None) == {}


def test_without_labels_there_is_nothing_to_show() -> None:
    assert score_view(None) is None
    assert score_view({"labelled_documents": 0}) is None
