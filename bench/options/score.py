"""The options of `disbench score`."""

from __future__ import annotations

import argparse

from ..commands import option
from ..grid import arguments as given


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    options = argparse.ArgumentParser(
        prog="disbench score", description="Score codes that any other software made."
    )
    options.add_argument(
        "files",
        type=option(given.path),
        nargs="+",
        metavar="FILE",
        help="codes of one model: an .npz or .h5 file with the array means and optionally logvars, "
        "factors and factor_names; or a .csv file with columns mean_<latent> and optionally "
        "logvar_<latent> and factor_<factor>; at most 2 GiB unpacked",
    )
    options.add_argument(
        "--name", help="treat the files as seeds 0, 1, ... of one model of this name"
    )
    options.add_argument(
        "--dataset", default="codes", help="name of the images in tables (default: codes)"
    )
    options.add_argument(
        "--out", type=option(given.path), help="output folder (default: results/<first model>)"
    )
    options.add_argument(
        "--metrics",
        metavar="A,B",
        help="metrics to compute (default: all that the data allow); one of your own is "
        "NAME=package.module:function",
    )
    options.add_argument(
        "--allow-imports",
        action="store_true",
        help="allow your own metrics, which --metrics names as NAME=package.module:function",
    )
    options.add_argument(
        "--factor-bins",
        type=option(given.FACTOR_BINS),
        metavar="N",
        help="cut factors with more than N values, such as continuous ones, into N quantile bins",
    )
    options.add_argument(
        "--workers", type=option(given.WORKERS), default=1, help="processes (default: 1)"
    )
    return options
