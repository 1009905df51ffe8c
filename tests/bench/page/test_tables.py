"""The rows and cells of the page's tables: what is best, what is said once, what stays below."""

import math

import pandas as pd
import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bench.page import tables as module
from bench.page.ranking import first_place
from bench.page.tables import MAX_SHOWN, Cell, Row, Table, interval_cell


def _summary(*groups):
    """Return a metric's rows of `Tables.summary`: label, mean, std, low, high, interval."""
    columns = ["label", "mean", "std", "low", "high", "interval"]
    frame = pd.DataFrame(groups, columns=columns)
    return frame.assign(
        group_id=frame["label"], precision="float32", kind="beta_vae", n_seeds=6, metric="mig"
    )


def _first(*groups):
    return sorted(label for label, _ in first_place(_summary(*groups), "mig_histogram"))


SATURATED = ("a", 1.0, 0.0, 1.0, 1.0, "equal")


def test_equal_seeds_do_not_beat_what_is_nearly_as_good():
    nearly = ("b", 0.9998, 0.0004, 0.998, 0.99998, "logit95")
    assert _first(SATURATED, nearly) == ["a", "b"]
    # What is worse beyond doubt is told apart.
    assert _first(SATURATED, ("b", 0.829, 0.12, 0.674, 0.919, "logit95")) == ["a"]
    assert _first(SATURATED, ("b", 0.7, 0.05, 0.64, 0.75, "logit95")) == ["a"]
    # A collapsed model is no rival of one that is not, however equal its seeds are.
    collapsed = ("c", 0.0, 0.0, 0.0, 0.0, "equal")
    assert _first(collapsed, ("b", 0.3, 0.05, 0.25, 0.36, "logit95")) == ["b"]
    # Where no model has any spread, the values decide.
    assert _first(SATURATED, ("b", 0.9, 0.0, 0.9, 0.9, "equal")) == ["a"]


@pytest.mark.parametrize("kind", ["t95", "logit95", "log95", "equal"])
def test_a_star_wants_enough_seeds_of_all_by_whatever_interval(kind):
    other = ("b", 0.3, 0.01, 0.29, 0.31)
    assert _first(("a", 0.9, 0.01, 0.89, 0.91, kind), (*other, "logit95")) == ["a"]
    assert _first(("a", 0.9, 0.01, 0.89, 0.91, kind), (*other, "range")) == []


def _table(*cells, columns=("seeds", "mig_histogram"), kind="vae", more=()):
    rows = [Row(f"m{k}", kind, row, f"g{k}") for k, row in enumerate(cells)]
    return Table("ball", columns, (*rows, *more), settings=("All models: 10 steps.",))


def _cell(kind, value=0.5):
    return Cell("0.500", value, kind, 0.4, 0.6)


def test_one_seed_is_said_once():
    table = _table((Cell("1"), _cell("single")), (Cell("1"), _cell("single")))
    assert table.remarks == ("All models: 10 steps.", "One seed each, so there are no intervals.")
    assert [table.detail(row.cells[1]) for row in table.rows] == ["", ""]


def test_what_the_small_print_is_is_said_once_where_it_is_the_same():
    ranges = _table((Cell("3"), _cell("range")), (Cell("3"), _cell("range")))
    assert ranges.remarks[1:] == ("Small print: smallest and largest of the 3 seeds.",)
    assert ranges.detail(ranges.rows[0].cells[1]) == "0.400 to 0.600"
    # Baselines have no say in it, and keep their word where they differ.
    pca = Row("PCA", "baseline_pca", (Cell("2"), _cell("range")))
    intervals = _table((Cell("6"), _cell("logit95")), (Cell("7"), _cell("t95")), more=(pca,))
    assert intervals.remarks[1:] == ("Small print: 95% interval of the mean.",)
    assert intervals.detail(pca.cells[1]) == "range 0.400 to 0.600"
    mixed = _table((Cell("3"), _cell("range")), (Cell("6"), _cell("log95")))
    assert mixed.remarks == mixed.settings
    assert [mixed.detail(row.cells[1]) for row in mixed.rows] == [
        "range 0.400 to 0.600",
        "95% 0.400 to 0.600",
    ]
    assert mixed.detail(Cell("1", 1.0, "equal", 1.0, 1.0)) == "all equal"


def test_few_columns_are_all_shown_and_of_many_the_papers_first():
    few = ("seeds", "reconstruction", "kl", "modularity")
    assert all(head.shown for head in _table(columns=few).heads)
    many = ("seeds", *(f"own_{k}" for k in range(20)), "dci_disentanglement", "kl", "mig_posterior")
    shown = [head.name for head in _table(columns=many).heads if head.shown]
    assert len(shown) == MAX_SHOWN + 1
    assert {"seeds", "dci_disentanglement", "kl", "mig_posterior", "own_0"} < {*shown}


@pytest.mark.parametrize(
    ("kind", "pinned"),
    [
        ("vae", False),
        ("codes", False),
        ("baseline_pca", True),
        ("level", True),
        ("factor_channel", True),
        ("ours", False),
    ],
)
def test_what_is_no_model_of_its_own_stays_below(kind, pinned):
    assert Row("x", kind, ()).is_pinned == pinned


def _html(table, **values):
    folder = module.__file__.replace("tables.py", "templates")
    environment = Environment(
        loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined
    )
    text = '{% from "score_table.html" import score_table with context %}'
    text += "{{ score_table(table, 'ball', blocks) }}"
    return environment.from_string(text).render(table=table, definitions={}, **values)


def test_a_row_leads_to_its_block_and_a_cell_has_its_numbers():
    chance = Row("codes without information", "level", (Cell("–"), Cell("0.010", 0.01)))
    table = _table((Cell("6"), _cell("logit95")), (Cell("1"), _cell("single")), more=(chance,))
    text = _html(table, blocks={"g0"})
    assert '><th scope="row"><a href="#g0">m0</a></th>' in text
    assert '<th scope="row">m1</th>' in text
    assert text.count('data-value="0.5"') == 2
    assert 'class="pinned baseline"><th scope="row">codes without information' in text


def test_a_cell_without_a_number_has_none():
    assert "data-value" not in _html(_table((Cell("–"), Cell("–"))), blocks=())
    assert Cell("–").span == Cell("–").what == ""
    assert math.isnan(Cell("–").low)


def test_a_mean_of_fewer_seeds_than_its_row_says_so():
    entry = {"mean": 0.5, "low": 0.4, "high": 0.6, "interval": "range", "n_seeds": 3}
    assert interval_cell(entry, of=10).detail == "range 0.400 to 0.600, 3 of 10 seeds"
    assert interval_cell({**entry, "n_seeds": 1}, of=10).detail == "1 of 10 seeds"
    assert interval_cell(entry, of=3).detail == "range 0.400 to 0.600"
