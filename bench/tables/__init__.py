"""Read an output folder into pandas: tidy tables, statistics over seeds, formats of numbers.

`collect` reads a store and `folders` several, `summary` and `intervals` have the statistics over
seeds, `csv` and `parquet` write `tables/`, and `headings`, `names`, `titles` and `numbers` make
names and numbers readable.
"""

from .collect import Tables, collect
from .csv import write_table, write_tables
from .folders import collect_joined
from .headings import (
    OF_EVERY_RUN,
    by_dataset,
    dataset_heading,
    dataset_headings,
    higher_is_better,
    metric_info,
    metric_range,
)
from .intervals import (
    CONFIDENCE,
    INTERVALS,
    MIN_SEEDS,
    OF_ENOUGH_SEEDS,
    IntervalKind,
    mean_interval,
    t_half,
)
from .names import in_words, kind_title, model_names, shared_settings
from .numbers import counted, listed, minus, number, of_seeds, over_seeds, significant
from .parquet import check_parquet
from .titles import metric_meaning, metric_title

__all__ = [
    "CONFIDENCE",
    "INTERVALS",
    "MIN_SEEDS",
    "OF_ENOUGH_SEEDS",
    "OF_EVERY_RUN",
    "IntervalKind",
    "Tables",
    "by_dataset",
    "check_parquet",
    "collect",
    "collect_joined",
    "counted",
    "dataset_heading",
    "dataset_headings",
    "higher_is_better",
    "in_words",
    "kind_title",
    "listed",
    "mean_interval",
    "metric_info",
    "metric_meaning",
    "metric_range",
    "metric_title",
    "minus",
    "model_names",
    "number",
    "of_seeds",
    "over_seeds",
    "shared_settings",
    "significant",
    "t_half",
    "write_table",
    "write_tables",
]
