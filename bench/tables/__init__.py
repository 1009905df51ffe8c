"""Read an output folder into pandas: tidy tables, statistics over seeds, formats of numbers.

`collect` reads a store, `summary` and `intervals` have the statistics over seeds, `csv` writes
`tables/`, and `headings`, `titles` and `numbers` make names and numbers readable.
"""

from .collect import Tables, collect, load_results
from .csv import write_table, write_tables
from .headings import by_dataset, dataset_heading, metric_info
from .intervals import CONFIDENCE, MIN_SEEDS, mean_interval
from .numbers import minus, number, over_seeds, significant
from .titles import metric_title

__all__ = [
    "CONFIDENCE",
    "MIN_SEEDS",
    "Tables",
    "by_dataset",
    "collect",
    "dataset_heading",
    "load_results",
    "mean_interval",
    "metric_info",
    "metric_title",
    "minus",
    "number",
    "over_seeds",
    "significant",
    "write_table",
    "write_tables",
]
