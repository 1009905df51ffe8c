"""Tables for a paper: what they say, how it is escaped, what is bold."""

import re

from bench.analysis.study import load_study
from bench.grid.specs import KINDS
from bench.page.latex import MAX_COLUMNS, escape, latex_files
from bench.page.tables import Cell, Row, Table, summary_tables
from bench.report import build
from bench.store.store import Store

ROWS = (
    Row(
        "β-VAE β=4, likelihood=gaussian",
        "beta_vae",
        (
            Cell("6"),
            Cell("0.512", 0.512, "t95", 0.4, 0.6, best=True),
            Cell("−3.200", -3.2, "range", -4.5, -2.25),
            Cell("0.100", 0.1, "single"),
        ),
    ),
    Row("true factors", "baseline_truth", (Cell("1"), Cell("1.000"), Cell("–"), Cell("–"))),
    Row("codes of 50% & #_{}~^\\", "level", (Cell("–"),) * 4),
)
TABLE = Table("ball (grid_size=8)", ("seeds", "mig_histogram", "a", "b"), ROWS)


def test_the_whole_of_a_table():
    (name, text), *others = latex_files([TABLE]).items()
    assert not others
    assert name == "summary-ball-grid-size-8"
    body = text[text.index(r"\begin{tabular}") :].splitlines()
    assert [line.strip() for line in body] == [
        r"\begin{tabular}{lrrrr}",
        r"\toprule",
        r"Model & seeds & MIG (histogram) & a & b \\",
        r"\midrule",
        r"$\beta$-VAE $\beta$=4, likelihood=gaussian & 6 & "
        r"\textbf{0.512} {\scriptsize [0.400, 0.600]} & "
        r"$-$3.200 {\scriptsize ($-$4.500, $-$2.250)} & 0.100 \\",
        r"\midrule",
        r"true factors & 1 & 1.000 & -- & -- \\",
        r"\midrule",
        r"codes of 50\% \& \#\_\{\}\textasciitilde{}\textasciicircum{}\textbackslash{} "
        r"& -- & -- & -- & -- \\",
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    assert r"Scores on ball (grid\_size=8):" in text
    assert r"\label{tab:summary-ball-grid-size-8-1}" in text


def test_only_what_is_best_is_bold():
    assert latex_files([TABLE])["summary-ball-grid-size-8"].count(r"\textbf") == 1


def test_nothing_of_a_label_is_a_command():
    text = escape("\\input{x} $a$ 5% _ ^\n~ #1 &")
    plain = re.sub(r"\\(textbackslash|textasciicircum|textasciitilde)\{\}|\\[&%$#_{}]", "", text)
    assert not set(plain) & set("\\&%$#_{}~^\n")


def test_wide_tables_are_split_and_each_part_has_the_seeds():
    names = [f"metric{k}" for k in range(2 * MAX_COLUMNS + 1)]
    row = Row("VAE", "vae", tuple(Cell(str(k)) for k in range(len(names) + 1)))
    (text,) = latex_files([Table("ball", ("seeds", *names), (row,))]).values()
    headings = re.findall(r"Model & seeds & (.*) \\\\", text)
    assert ", ".join(headings).replace(" & ", ", ") == ", ".join(names)
    assert len(headings) == 3
    assert len(set(re.findall(r"\\label\{(.*)\}", text))) == 3
    for environment in ("table", "tabular"):
        assert text.count(f"\\begin{{{environment}}}") == text.count(f"\\end{{{environment}}}") == 3
    columns = re.findall(r"\{tabular\}\{l(r+)\}", text)
    assert [len(part) for part in columns] == [MAX_COLUMNS + 1, MAX_COLUMNS + 1, 2]


def test_names_that_come_out_alike_are_two_files():
    assert len(latex_files([TABLE, TABLE])) == 2


def test_a_report_has_a_file_for_every_dataset_and_no_old_ones(small_store, tmp_path):
    study = load_study(Store(small_store))
    expected = latex_files(summary_tables(study))
    found = {path.stem: path.read_text() for path in (small_store / "tables").glob("*.tex")}
    assert found == expected
    assert len(found) == 1
    (text,) = found.values()
    assert r"$\beta$-VAE $\beta$=4" in text
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    widths = [len(part) + 1 for part in re.findall(r"\{tabular\}\{l(r+)\}", text)]
    assert {line.count(" & ") + 1 for line in rows} == set(widths)


def test_a_table_of_a_dataset_that_is_gone_goes_too(tmp_path):
    store = Store(tmp_path / "store", create=True)
    old = tmp_path / "store" / "tables" / "summary-gone.tex"
    old.parent.mkdir()
    old.write_text("old")
    build(store)
    assert not old.exists()


def test_the_name_of_every_kind_is_one_that_latex_prints():
    names = [cls.template for cls in KINDS.values()]
    assert all(escape(name).isascii() for name in names)
