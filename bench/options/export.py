"""The options of `disbench export`."""

from __future__ import annotations

import argparse
import re

from ..commands import option
from ..grid import arguments as given

UNKNOWN = "unknown"
# What the Hub takes for an identifier of a license.
_LICENSE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,63}")


def license_identifier(text: str) -> str:
    """Return an identifier of a license, or say what it has to be."""
    if not _LICENSE.fullmatch(text):
        raise ValueError(
            f"must be an identifier of the Hub, such as apache-2.0, mit or unknown, not {text!r}"
        )
    return text


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    options = argparse.ArgumentParser(
        prog="disbench export",
        description="Write the model of a run as a folder in the layout of the Hugging Face Hub. "
        "Nothing is uploaded.",
    )
    options.add_argument(
        "run", type=option(given.path), metavar="RUN", help="a folder runs/<run id>"
    )
    options.add_argument(
        "target",
        type=option(given.path),
        metavar="DIR",
        help="the new folder; it must not exist yet",
    )
    options.add_argument(
        "--license",
        type=option(license_identifier),
        default=UNKNOWN,
        metavar="ID",
        help=f"license of the weights, by its identifier on the Hub (default: {UNKNOWN})",
    )
    return options
