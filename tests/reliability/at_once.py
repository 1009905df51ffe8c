"""Do something in many processes at the very same time and print their exit codes.

    python -m tests.reliability.at_once starts|commits COUNT GRID OUT

Processes are forked when everything is loaded, and wait for one another.
"""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path

from bench import run
from bench.grid.expand import expand
from bench.grid.load import load_grid
from bench.store.store import Store

from . import driver


def starts(grid, out):
    """Start a grid."""
    return run.main([grid, "--out", out, "--workers", "1", "--device", "cpu"])


def commits(grid, out):
    """Commit every run of a grid."""
    store = Store(Path(out))
    for spec in expand(load_grid(grid)):
        store.commit(driver.made(spec), driver.record(spec))
    return 0


def main(what, count, grid, out):
    """Fork, let all go at once, and return their exit codes."""
    driver.stand_in()
    gate, opener = os.pipe()
    for _ in range(count):
        if os.fork() == 0:
            code = 99
            try:
                os.close(opener)
                os.dup2(2, 1)
                # The end of the file comes to all at the same moment.
                os.read(gate, 1)
                code = {"starts": starts, "commits": commits}[what](grid, out)
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(code)
    os.close(gate)
    os.close(opener)
    codes = []
    while len(codes) < count:
        codes.append(os.waitstatus_to_exitcode(os.wait()[1]))
        if len(codes) == count - 1 and "release" in driver.WISHES:
            # Whoever proceeds stays until all others have tried.
            Path(driver.WISHES["release"]).touch()
    return codes


if __name__ == "__main__":
    name, number, grid_file, place = sys.argv[1:]
    print(*main(name, int(number), grid_file, place))
