"""The page's tables of scores as LaTeX, for a paper: bold is what has a star on the page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ..tables import INTERVALS, number
from .tables import Cell, Row, Table

# More columns with their intervals are wider than a page.
MAX_COLUMNS = 4
_ESCAPED = {
    **{c: f"\\{c}" for c in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "α": r"$\alpha$",
    "β": r"$\beta$",
    "γ": r"$\gamma$",
    "λ": r"$\lambda$",
    "σ": r"$\sigma$",
    "Δ": r"$\Delta$",
    "→": r"$\to$",
    "−": "$-$",
    "×": r"$\times$",
    "²": r"$^2$",
    "±": r"$\pm$",
    "≥": r"$\ge$",
    "–": "--",
}
_BRACKETS: dict[str, str] = {**dict.fromkeys(INTERVALS, "[]"), "range": "()"}
_CAPTION = (
    "Scores on {}: means over seeds, in brackets their 95\\% interval, which keeps to the range of "
    "the score (from six seeds on), in parentheses the range of fewer seeds. Bold: the interval "
    "lies apart from those of all other trained models."
)


def escape(text: str) -> str:
    r"""Return a text as LaTeX prints it.

    Examples
    --------
    >>> print(escape("β-VAE β=4, beta_vae_score 95%"))
    $\beta$-VAE $\beta$=4, beta\_vae\_score 95\%
    """
    return "".join(_ESCAPED.get(c, c) for c in " ".join(text.split()))


def latex_files(tables: Sequence[Table]) -> dict[str, str]:
    r"""Return a LaTeX file for every table, by the name it has without its ending.

    Parameters
    ----------
    tables : sequence of Table
        As `page.summary_tables` returns them, one a dataset.

    Returns
    -------
    dict of str to str
        A file has a `table` for every few metrics; they need `\usepackage{booktabs}`.
    """
    files: dict[str, str] = {}
    for table in tables:
        stem = re.sub(r"[^a-z0-9]+", "-", table.dataset.lower()).strip("-") or "dataset"
        name = f"summary-{stem}"
        while name in files:
            name += "-2"
        files[name] = "\n".join(_tables(table, name))
    return files


def _tables(table: Table, name: str) -> Iterator[str]:
    """Yield the lines of a file; the first column, the number of seeds, is in each of its parts."""
    yield r"% Needs \usepackage{booktabs}."
    heads = table.heads
    starts = range(1, len(table.columns), MAX_COLUMNS)
    for part, start in enumerate(starts, 1):
        chosen = [0, *range(start, min(start + MAX_COLUMNS, len(table.columns)))]
        yield r"\begin{table}"
        yield r"  \centering"
        yield f"  \\caption{{{_CAPTION.format(escape(table.dataset))}}}"
        yield f"  \\label{{tab:{name}-{part}}}"
        yield f"  \\begin{{tabular}}{{l{'r' * len(chosen)}}}"
        yield r"    \toprule"
        yield _line(["Model", *(escape(heads[k].title) for k in chosen)])
        previous: Row | None = None
        for row in table.rows:
            if previous is None or _family(row) != _family(previous):
                yield r"    \midrule"
            yield _line([escape(row.label), *(_cell(row.cells[k]) for k in chosen)])
            previous = row
        yield r"    \bottomrule"
        yield r"  \end{tabular}"
        yield r"\end{table}"
    yield ""


def _line(cells: Sequence[str]) -> str:
    return f"    {' & '.join(cells)} \\\\"


def _family(row: Row) -> str:
    """Return what rows stand together by: models, baselines, levels."""
    kind = row.kind
    return kind.partition("_")[0] if kind.startswith(("baseline_", "level")) else "model"


def _cell(cell: Cell) -> str:
    text = escape(cell.text)
    text = f"\\textbf{{{text}}}" if cell.best else text
    brackets = _BRACKETS.get(cell.kind)
    few = f" {{\\scriptsize {cell.few}}}" if cell.few else ""
    if brackets is None:
        return f"{text}{few}"
    low, high = (escape(number(value)) for value in (cell.low, cell.high))
    return f"{text} {{\\scriptsize {brackets[0]}{low}, {high}{brackets[1]}}}{few}"
