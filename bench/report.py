"""Stored runs -> tables, figures and page. Everything here is derived and can be deleted."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from .store import Store, StoreError
from .study import load_study
from .tables import write_tables


def build(store: Store) -> None:
    """Write `tables/` from what is stored."""
    study = load_study(store)
    write_tables(store, study.tables)


def main(argv: Sequence[str] | None = None) -> int:
    """Rebuild the derived files of an output folder and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.report", description="Rebuild tables, figures and page."
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="an output folder")
    options = parser.parse_args(argv)
    try:
        store = Store(options.folder)
        with store.lock():
            build(store)
    except StoreError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"tables: {options.folder / 'tables'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
