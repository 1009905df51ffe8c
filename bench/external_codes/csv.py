"""Read codes from a .csv file, strictly: no column shifts, and no cell is reinterpreted.

A row for each image; a column for each latent and factor, named in the first line:
`mean_<latent>`, `logvar_<latent>` and `factor_<factor>`. Other columns are not read.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn, TextIO

import numpy as np
from numpy.typing import NDArray

from ..errors import CodesError
from .arrays import MAX_COLUMNS, NUMBER_THEM, check_size
from .names import meant_prefix

_KINDS = ("mean", "logvar", "factor")
# Names of 4,096 latents, in a mean and a logvar each, are shorter.
_MAX_LINE = 4 * 2**20
_ROWS_AT_A_TIME = 4096
# Room for means and log-variances of all latents, and as many factors and other columns.
_MOST_NAMES = 4 * MAX_COLUMNS
# float() takes 1_000, digits of any script and blanks too.
_NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*", re.ASCII)
_NO_NUMBER = re.compile(r"[^-+.0-9eE, ]")
_NOT_FINITE = ("nan", "inf", "infinity")
_TRUTHS = {"true": 1.0, "false": 0.0}
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars", " ": "blanks"}


def read_csv(path: Path) -> tuple[dict[str, Any], list[str]]:
    """Read the arrays of a file of codes.

    Parameters
    ----------
    path : Path
        A regular file.

    Returns
    -------
    dict, list of str
        The arrays by name, as `check_codes` takes them, and the columns that are not read.

    Raises
    ------
    CodesError
        If the text is not UTF-8, a name is repeated or misspelt, a row has another number of cells
        than there are names, or a cell that is read is blank or no number.
    """
    source = str(path)
    check_size(source, "", path.stat().st_size)
    _check_encoding(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            # Names and cells may have a blank after the comma.
            rows = csv.reader(_lines(source, file), skipinitialspace=True, strict=True)
            try:
                names = _header(source, next(rows, []))
                columns = _columns(source, names)
                read = [place for kind in _KINDS for place in columns[kind].values()]
                table = _table(source, rows, names, read, [*columns["factor"].values()])
            except csv.Error as error:
                reason = f"{error}; is a quote not closed?"
                raise CodesError(source, f"line {rows.line_num}", reason) from None
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise CodesError(
            source, "", f"is not UTF-8 text: it has the byte 0x{byte:02x}; save it as UTF-8"
        ) from None
    arrays: dict[str, Any] = {
        "means": table[:, : len(columns["mean"])],
        "latent_names": [*columns["mean"]],
    }
    if columns["logvar"]:
        arrays["logvars"] = table[:, len(columns["mean"]) :][:, : len(columns["mean"])]
    if columns["factor"]:
        arrays["factors"] = table[:, -len(columns["factor"]) :]
        for name, column in zip(columns["factor"], arrays["factors"].T, strict=True):
            if (np.abs(column) >= 2**53).any():
                reason = f"has labels too large to be read to the last digit; {NUMBER_THEM}"
                raise CodesError(source, f"column factor_{name}", reason)
        arrays["factor_names"] = [*columns["factor"]]
    used = {*read}
    unused = [name or f"number {j + 1}" for j, name in enumerate(names) if j not in used]
    return arrays, unused


def _check_encoding(path: Path) -> None:
    with path.open("rb") as file:
        start = file.read(4096)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in (start[1:2], start[:1]):
        reason = "looks like UTF-16 or UTF-32 text; save it as UTF-8 (in Excel: CSV UTF-8)"
        raise CodesError(str(path), "", reason)


def _lines(source: str, file: TextIO) -> Iterator[str]:
    """Yield the lines of a text; none is read that has no end."""
    number = 0
    while line := file.readline(_MAX_LINE):
        number += 1
        if len(line) == _MAX_LINE:
            reason = f"has more than {_MAX_LINE:,} letters; is it a table at all?"
            raise CodesError(source, f"line {number}", reason)
        if "\0" in line:
            raise CodesError(source, f"line {number}", "has a NUL byte; write the file again")
        yield line


def _header(source: str, cells: Sequence[str]) -> list[str]:
    """Return the names of the columns, all different."""
    # numpy.savetxt puts a # before its header.
    names = [re.sub(r"^(\w+?)_\s+", r"\1_", cell.strip()) for cell in cells]
    names[:1] = [name.removeprefix("#").strip() for name in names[:1]]
    if not any(names):
        raise CodesError(source, "", "is empty, or has an empty first line: name the columns there")
    for mark, word in _SEPARATORS.items():
        parts = [part for name in names for part in name.split(mark)[1:]]
        if any(part.strip().startswith(tuple(f"{kind}_" for kind in _KINDS)) for part in parts):
            python = f"pandas.read_csv(path, sep={mark!r}).to_csv(other_path, index=False)"
            reason = (
                f"looks as if {word} were between its columns; write it with commas between them "
                f"and a point in its numbers: {python}, with decimal=',' to read decimal commas"
            )
            raise CodesError(source, "", reason)
    known: set[str] = set()
    for name in filter(None, names):
        if name in known:
            raise CodesError(source, f"column {name}", "is there twice; rename or remove one")
        known.add(name)
    if len(names) > _MOST_NAMES:
        reason = f"has {len(names):,} columns; the most that is read is {_MOST_NAMES:,}"
        raise CodesError(source, "", reason)
    return names


def _columns(source: str, names: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return the places of the columns that are read, by kind and name."""
    columns: dict[str, dict[str, int]] = {kind: {} for kind in _KINDS}
    for place, name in enumerate(names):
        kind, _, rest = name.partition("_")
        if kind in columns and rest:
            columns[kind][rest] = place
        elif found := meant_prefix(name, _KINDS):
            what = "factor" if found == "factor" else "latent"
            reason = f"looks like {found}_<{what}>; rename it so, or remove it"
            raise CodesError(source, f"column {name}", reason)
    means, logvars = columns["mean"], columns["logvar"]
    if not means:
        shown = ", ".join(names)[:200]
        reason = f"has no columns mean_<latent>, such as mean_z0, in its first line: {shown}"
        raise CodesError(source, "", reason)
    if logvars and logvars.keys() != means.keys():
        expected = ", ".join(f"logvar_{name}" for name in means)[:200]
        raise CodesError(
            source, "columns logvar_<latent>", f"must be one for each mean: {expected}"
        )
    # Log-variances may come in another order than the means.
    columns["logvar"] = {name: logvars[name] for name in means if logvars}
    return columns


def _table(
    source: str,
    rows: Any,
    names: Sequence[str],
    read: Sequence[int],
    factors: Sequence[int],
) -> NDArray[np.float64]:
    """Return the columns that are read, in that order."""
    blocks, n_rows = [np.empty((0, len(read)))], 0
    numbered = _numbered(source, rows, names)
    while block := list(islice(numbered, _ROWS_AT_A_TIME)):
        lines, cells = zip(*block, strict=True)
        columns = list(zip(*cells, strict=True))
        found = np.empty((len(block), len(read)))
        for k, place in enumerate(read):
            words = _TRUTHS if place in factors else {}
            try:
                found[:, k] = _numbers(columns[place], words)
            except ValueError:
                at = next(i for i, c in enumerate(columns[place]) if not _is_number(c, words))
                where = f"row {n_rows + at} (line {lines[at]}), column {names[place]}"
                _refuse_cell(source, where, columns[place][at], place in factors)
        blocks.append(found)
        n_rows += len(block)
        check_size(source, "", n_rows * len(read) * 8)
    if not n_rows:
        raise CodesError(source, "", "has names in its first line, and no rows; add one per image")
    return np.concatenate(blocks)


def _numbered(source: str, rows: Any, names: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield every row with the number of its line, all as long as the header."""
    blank = None
    for number, cells in enumerate(rows):
        line = rows.line_num
        if not cells:
            blank = blank or line
            continue
        if blank is not None:
            reason = "is blank, and others follow; remove it, or fill in its cells"
            raise CodesError(source, f"line {blank}", reason)
        if len(cells) != len(names):
            _refuse_length(source, f"row {number} (line {line})", cells, names)
        yield line, cells


def _numbers(cells: Sequence[str], words: dict[str, float]) -> NDArray[np.float64]:
    """Return the numbers of a column; ValueError if one is none."""
    if not _NO_NUMBER.search(",".join(cells)):
        return np.fromiter(map(float, cells), np.float64, len(cells))
    if not all(_is_number(cell, words) for cell in cells):
        raise ValueError
    return np.array([float(words.get(cell.strip().casefold(), cell)) for cell in cells])


def _is_number(cell: str, words: dict[str, float]) -> bool:
    text = cell.strip().casefold()
    return bool(_NUMBER.fullmatch(text)) or text in words or text.lstrip("+-") in _NOT_FINITE


def _refuse_cell(source: str, where: str, cell: str, of_factor: bool) -> NoReturn:
    text = cell.strip()
    if not text:
        reason = "is blank; fill it in, or leave the image out"
    elif re.fullmatch(r"[-+]?\d+,\d+", text):
        reason = f"{text[:50]!r} has a decimal comma; write numbers with a point"
    elif of_factor:
        reason = f"{text[:50]!r} is text, not a label; {NUMBER_THEM}"
    else:
        reason = f"{text[:50]!r} is no number"
    raise CodesError(source, where, reason)


def _refuse_length(source: str, where: str, cells: Sequence[str], names: Sequence[str]) -> NoReturn:
    reason = f"cells: {len(cells)}, names in the first line: {len(names)}"
    if len(cells) == 2 * len(names):
        remedy = "are its commas decimal ones? write numbers with a point"
    elif len(cells) == len(names) + 1 and not cells[-1].strip():
        remedy = "remove the comma at the end of the lines"
    elif len(cells) == len(names) + 1:
        remedy = "name the first column too if it numbers the rows, or write the file without it"
    else:
        remedy = "give every row a cell for each name"
    raise CodesError(source, where, f"{reason}; {remedy}")
