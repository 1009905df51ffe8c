"""The options of `disbench share`."""

from __future__ import annotations

import argparse
from functools import partial

from ..commands import option
from ..grid import arguments as given

# The significant bits of a float32.
EXACT = 24
# Claims are judged by curves too. Those of results/reference/paper-small keep every verdict with
# ten rows, and not with five.
LEAST_ROWS = 100


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    options = argparse.ArgumentParser(
        prog="disbench share",
        description="Make a copy of an output folder to share, without model weights.",
    )
    options.add_argument(
        "folder", type=option(given.path), metavar="DIR", help="the output folder to copy"
    )
    options.add_argument(
        "target",
        type=option(given.path),
        metavar="COPY",
        help="the new folder; it must not exist yet",
    )
    options.add_argument(
        "--code-bits",
        type=option(partial(given.whole, most=EXACT)),
        default=EXACT,
        metavar="N",
        help=f"significant bits of the codes to keep (default: {EXACT}, all of them)",
    )
    options.add_argument(
        "--history-rows",
        type=option(partial(given.whole, least=LEAST_ROWS, most=1_000_000)),
        metavar="N",
        help=f"rows per training curve, at least {LEAST_ROWS} (default: all)",
    )
    options.add_argument(
        "--weights",
        action="store_true",
        help="keep the weights of each model's lowest seed, in half precision",
    )
    options.add_argument(
        "--workers",
        type=option(given.WORKERS),
        default=1,
        metavar="N",
        help="scores computed at the same time (default: 1)",
    )
    options.add_argument(
        "--allow-imports",
        action="store_true",
        help="allow imported metrics to be computed again, and the grid's own figures to be drawn",
    )
    return options
