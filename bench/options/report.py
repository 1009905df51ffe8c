"""The options of `disbench report`."""

from __future__ import annotations

import argparse

from ..commands import option
from ..grid import arguments as given


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    options = argparse.ArgumentParser(
        prog="disbench report",
        description="Rebuild the tables, figures and report of an output folder, or compare "
        "several in one report.",
    )
    options.add_argument(
        "folders",
        type=option(given.path),
        nargs="+",
        metavar="DIR",
        help="an output folder; several are compared in one report, and only read",
    )
    options.add_argument(
        "--out",
        type=option(given.path),
        metavar="REPORT",
        help="write to a folder of its own instead; needed for several folders",
    )
    options.add_argument(
        "--title", help="title of the page (default: the grid's name, or the folders' names)"
    )
    options.add_argument(
        "--png", action="store_true", help="also write the figures as PNG with 300 dpi, for a paper"
    )
    options.add_argument(
        "--pdf", action="store_true", help="also write the figures as vector PDF, for LaTeX"
    )
    options.add_argument(
        "--parquet", action="store_true", help="also write the tables as Parquet (needs pyarrow)"
    )
    options.add_argument(
        "--allow-imports",
        action="store_true",
        help="allow the figures of its own that the grid names as package.module:function",
    )
    return options
