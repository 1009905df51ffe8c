"""What people call a measured column: from the registry, with variant and options in words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .headings import OF_EVERY_RUN, metric_info

# Options whose value stands in the name of a column, as a reader understands them.
OPTIONS = {
    "absolute": "absolute spread",
    "alpha": "α = {}",
    "batch_size": "batches of {}",
    "continuous": "squared correlation",
    "degree": "degree {}",
    "diff_quantile": "quantile {}",
    "exclude": "without {}",
    "factor_bins": "factors in {} bins",
    "kl_threshold": "KL from {}",
    "least_information": "information from {}",
    "n_bins": "{} bins",
    "n_draws": "{} draws",
    "n_neighbors": "{} neighbours",
    "n_pairs": "{} pairs",
    "n_test": "{} tests",
    "n_train": "{} to train",
    "prune_below": "pruned below {}",
    "redrawn": "factor redrawn",
    "standardise": "standardised",
    "threshold": "threshold {}",
}
# Options whose value alone says what is meant.
NAMED_BY_VALUE = ("classifier", "criterion", "estimator", "learner", "pooling", "similarity")
_VALUES = {
    "kl": "KL",
    "knn": "nearest neighbours",
    "lasso": "Lasso",
    "max": "best latent",
    "pearson": "Pearson",
    "spearman": "Spearman",
}


def metric_title(name: str) -> str:
    """Return what people call a measured column; its exact name where nothing is known of it.

    Parameters
    ----------
    name : str
        A column of `runs`.

    Examples
    --------
    >>> metric_title("mig_histogram"), metric_title("kl"), metric_title("infomec_infom")
    ('MIG (histogram)', 'KL (nats)', 'InfoMEC modularity')
    >>> metric_title("mig_posterior_exclude_shape"), metric_title("dci_extra_trees_completeness")
    ('MIG (posterior, without shape)', 'DCI completeness (extra trees)')
    """
    if name in OF_EVERY_RUN:
        return OF_EVERY_RUN[name].title
    info = metric_info(name)
    if info is None or not info.title:
        return name.replace("_", " ")
    suffix, output, options = column_parts(name)
    titles = {part.name: part.title for part in info.parts}
    title = titles.get(output, info.title)
    noted = [_VALUES.get(suffix, suffix), *_in_words(options, [*info.options]), info.unit]
    noted = [text for text in noted if text]
    return f"{title} ({', '.join(noted)})" if noted else title


def metric_meaning(name: str) -> str:
    """Return what a metric's column says, in sentences of its own: variant, part and options too.

    Raises
    ------
    KeyError
        If no metric makes the column.

    Examples
    --------
    >>> metric_meaning("active_units")
    'Number of latents whose means vary over the data.'
    >>> metric_meaning("mig_histogram_n_bins_10")[-45:]
    "each latent's mean. Options of this: 10 bins."
    """
    if name in OF_EVERY_RUN:
        return OF_EVERY_RUN[name].meaning
    info = metric_info(name)
    if info is None:
        raise KeyError(name)
    suffix, output, options = column_parts(name)
    own = [part.description for part in info.parts if part.name in (suffix, output)]
    chosen = ", ".join(_in_words(options, [*info.options]))
    return " ".join([info.description, *own, *([f"Options of this: {chosen}."] if chosen else [])])


def column_parts(name: str) -> tuple[str, str, str]:
    """Return the variant, the output and the options in the name of a metric's column.

    Examples
    --------
    >>> column_parts("mig_histogram_n_bins_10"), column_parts("dci_extra_trees_completeness")
    (('histogram', '', 'n_bins_10'), ('', 'completeness', 'extra_trees'))
    """
    info = metric_info(name)
    if info is None:
        return "", "", ""
    rest = name[len(info.name) :]
    suffix = next((s for s, _ in info.variants if s and f"{rest}_".startswith(f"_{s}_")), "")
    rest = rest[len(suffix) + 1 :] if suffix else rest
    # The longest: kl is the end of dimension_wise_kl too.
    ends = [o for o in info.outputs if rest.endswith(f"_{o}")]
    output = max(ends, key=len, default="")
    rest = rest[: -len(output) - 1] if output else rest
    return suffix, output, rest.strip("_")


def _in_words(options: str, known: list[str]) -> Iterator[str]:
    """Yield what the options in a column's name say, one by one."""
    keys = "|".join(sorted(known, key=len, reverse=True))
    marks = [*re.finditer(rf"(?<![^_])(not_)?({keys})(?![^_])", options)] if keys else []
    value = options[: marks[0].start() if marks else None].strip("_")
    if value:
        yield _VALUES.get(value, value.replace("_", " "))
    ends = [*(mark.start() for mark in marks[1:]), len(options)]
    for mark, end in zip(marks, ends, strict=False):
        key = mark[2]
        value = options[mark.end() : end].strip("_").replace("_", " ")
        text = OPTIONS.get(key, f"{key.replace('_', ' ')} {{}}".strip()).format(value).strip()
        yield f"not {text}" if mark[1] else text
