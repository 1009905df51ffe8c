"""Headings: names of datasets, tables split by dataset, and the meaning of columns."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import pandas as pd

from .._siblings import metrics
from ..grid import DatasetSpec, short_name

# What identifies codes from elsewhere by their content: no name that anybody gave.
_DIGEST = re.compile(r"[0-9a-f]{16,}|.*/[0-9a-f]+")
_DIGESTED = ("factors", "content")
_SHOWN_DIGITS = 6
# What a heading says of a dataset's option; of any other its name and value.
_OPTIONS = {
    "channels": "{} channels",
    "factor_bins": "factors in {} bins",
    "factor_names": "factors {}",
    "grid_size": "{0}×{0} positions",
    "image_size": "{0}×{0} pixels",
    "instance": "toy as {}",
    "low": "random colours from {} to 255",
    "margin": "centres {} pixels from the edge",
    "n_colors": "{} colours",
    "pad": "padded to {0}×{0} pixels",
    "random_color": "random colours",
    "resize": "resized to {0}×{0} pixels",
    "shape": "{}",
    "source": "{} images",
    "spacing": "{} pixels between positions",
}
# Options whose words say another one too, without which they have no effect.
_SAYS_TOO = {"low": "random_color"}


@dataclass(frozen=True)
class Column:
    """What is known of a measured column that no metric of a grid makes."""

    title: str
    meaning: str
    higher_is_better: bool | None


# Of every run, in nats per image and from 0 on.
OF_EVERY_RUN = {
    "reconstruction": Column(
        "reconstruction (nats)",
        "−E[log p(x|z)], nats per image, summed over pixels; a Gaussian is without its constant.",
        False,
    ),
    "kl": Column(
        "KL (nats)",
        "KL of the posterior from the prior, nats per image, summed over latents.",
        None,
    ),
}


def by_dataset(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the rows of every dataset, with its name and options as a heading."""
    if table.empty:
        return
    keys = ["dataset", "dataset_options"]
    headings = dataset_headings(table[keys].drop_duplicates().itertuples(index=False, name=None))
    for (name, options), part in table.groupby(keys, sort=False):
        yield headings[str(name), str(options)], part


def dataset_headings(datasets: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Return what each of several datasets is called, so that they can be told apart.

    Parameters
    ----------
    datasets : iterable of tuple
        Names and options, as `dataset_heading` takes them.

    Returns
    -------
    dict
        The shortest name that no other has; where two would have one, what differs stands in it.
    """
    short = {pair: dataset_heading(*pair) for pair in dict.fromkeys(datasets)}
    times = Counter(short.values())
    return {
        pair: text if times[text] == 1 else _heading(*pair, whole=True)
        for pair, text in short.items()
    }


def dataset_heading(name: str, options: str) -> str:
    """Return what a dataset with its options (JSON) is called.

    A file is called by its name. Codes from elsewhere have the name that their user gave, without
    the digest of their factors.

    Examples
    --------
    >>> dataset_heading("ball", '{"radius": 3.0}'), dataset_heading("dsprites", "{}")
    ('ball (radius 3)', 'dsprites')
    >>> dataset_heading("mine", '{"factors": "0123456789abcdef"}')
    'mine'
    >>> correlated = '{"correlated": {"pairs": [["scale", "shape"]], "strength": 0.2}}'
    >>> dataset_heading("dsprites", correlated)
    'dsprites (scale–shape correlated in training, σ 0.2)'
    >>> dataset_heading("dsprites", '{"pad": 90, "resize": 64}')
    'dsprites (padded to 90×90 pixels, resized to 64×64 pixels)'
    >>> dataset_heading("color_dsprites", '{"low": 0, "random_color": true}')
    'color_dsprites (random colours from 0 to 255)'
    >>> dataset_heading("color_dsprites", '{"random_color": true, "seed": 1}')
    'color_dsprites (random colours, seed 1)'
    >>> dataset_heading("my_package.data:Rings@0123456789abcdef", "{}")
    'Rings@012345'
    """
    return _heading(name, options)


def _heading(name: str, options: str, *, whole: bool = False) -> str:
    spelling = DatasetSpec(name=name, options=json.loads(options)).spelling
    listed = dict(_without_content(spelling, whole))
    if isinstance(spelling.get("path"), str):
        # Where official files lie is no news; other files have no name but theirs.
        name = PurePath(spelling["path"]).name if name == "file" else name
        listed = {key: value for key, value in listed.items() if whole or key != "path"}
    if isinstance(listed.get("picture"), str) and not whole:
        listed["picture"] = PurePath(listed["picture"]).name
    said = {_SAYS_TOO[key] for key in listed if key in _SAYS_TOO}
    text = ", ".join(_said(key, value) for key, value in listed.items() if key not in said)
    name = name if whole else short_name(name)
    return f"{name} ({text})" if text else name


def _without_content(options: Mapping[str, Any], whole: bool) -> Iterator[tuple[str, Any]]:
    """Yield options, of a digest a few digits at most."""
    for key, value in options.items():
        if key not in _DIGESTED or not isinstance(value, str) or not _DIGEST.fullmatch(value):
            yield key, value
        elif whole:
            yield key, value.rpartition("/")[2][:_SHOWN_DIGITS]


def metric_range(column: str) -> tuple[float | None, float | None]:
    """Return the least and greatest value of a measured column, None where open.

    Examples
    --------
    >>> metric_range("mig_histogram"), metric_range("kl"), metric_range("mine")
    ((0, 1), (0, None), (None, None))
    """
    if column in OF_EVERY_RUN:
        return 0, None
    info = metric_info(column)
    return (None, None) if info is None else info.range


def higher_is_better(column: str) -> bool | None:
    """Return whether more of a measured column is better; None where neither direction is.

    Examples
    --------
    >>> higher_is_better("mig_histogram"), higher_is_better("reconstruction")
    (True, False)
    """
    known = OF_EVERY_RUN.get(column) or metric_info(column)
    return None if known is None else known.higher_is_better


def _said(key: str, value: Any) -> str:
    if key == "correlated" and isinstance(value, Mapping):
        pairs = ", ".join("–".join(pair) for pair in value["pairs"])
        return f"{pairs} correlated in training, σ {value['strength']:g}"
    words = key.replace("_", " ")
    if isinstance(value, bool) or value is None:
        return _OPTIONS.get(key, words) if value else f"no {words}"
    if isinstance(value, list | tuple):
        value = " ".join(map(str, value))
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return _OPTIONS.get(key, f"{words} {{}}").format(text)


def metric_info(column: str) -> metrics.MetricInfo | None:
    """Return the registry's entry of the metric that a column of `runs` holds, None without one."""
    names = [name for name in metrics.METRICS if column == name or column.startswith(f"{name}_")]
    return metrics.METRICS[max(names, key=len)] if names else None
