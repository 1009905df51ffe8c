"""Kill a driver and its workers at random moments, start again, and say what was seen.

    python -m tests.reliability.kills made|trained GRID FOLDER KILLS SEED

Drivers are forked from this process, which has loaded everything that they need: a start then costs
milliseconds, and so a hundred kills are affordable. Workers are forked too, and where results are
made by the driver module no figures are drawn. All else is real.
A grid that came to its end is begun anew in another folder until there are kills enough.
Prints a JSON object: kills, moments, what was found to be wrong, and the folders that were filled.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import sys
import time
import traceback
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

from bench import pipeline, report
from bench.engines import local, worker as _worker
from bench.grid.expand import expand
from bench.grid.load import load_grid
from bench.store.files import is_staged
from bench.store.store import Store

from . import driver
from .processes import HANG, members, wait_for


def start(grid, out, log, **options):
    """Fork a driver into a process group of its own and return its process id."""
    driver.WISHES["log"] = str(log)
    pid = os.fork()
    if pid:
        # Both sides say so: the kill may come before the other one has run at all.
        os.setpgid(pid, pid)
        return pid
    code = 99
    try:
        os.setpgid(0, 0)
        with open(f"{out}.output", "ab", buffering=0) as output:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
        summary = pipeline.run_grid(grid, out=out, workers=2, **options)
        code = 1 if summary.failed else 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def forked(pipe, lifeline):
    """Stand in for `bench.engines.worker.start`: fork the worker, which knows its modules."""

    def serve():
        pipe.recv_bytes()
        _worker.serve(pipe, lifeline)

    process = multiprocessing.get_context("fork").Process(target=serve, daemon=True)
    process.start()
    return SimpleNamespace(
        terminate=process.terminate,
        kill=process.kill,
        wait=lambda timeout=None: process.join(timeout) or process.exitcode,
    )


def ended(pid, until):
    """Wait for a process until a time; return its exit code, None if it is still at work."""
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() >= until:
            return None
        time.sleep(0.0005)


def committed(out):
    """Return the names of the runs in a folder."""
    return {path.name for path in (out / "runs").glob("[!.]*")}


def reference(grid, out, total, **options):
    """Run a grid to its end; return the seconds until all runs were there, and in all."""
    began = time.monotonic()
    pid = start(grid, out, f"{out}.log", **options)
    made = None
    while (code := ended(pid, time.monotonic() + 0.01)) is None:
        if made is None and len(committed(out)) == total:
            made = time.monotonic() - began
        assert time.monotonic() < began + HANG, "it hangs"
    assert code == 0, Path(f"{out}.output").read_text()
    return made or time.monotonic() - began, time.monotonic() - began


def state(out):
    """Return what a kill has interrupted, by what it left behind."""
    if not (out / "store.json").exists():
        return "before the store"
    staged = [path for path in out.rglob(".*") if is_staged(path)]
    if any((out / ".staging").glob("*")):
        return "inside a commit"
    if staged:
        return f"inside a write to {staged[0].parent.name}"
    return "between writes"


def _enough(kind, kills, moments, states):
    """Return whether there were kills enough, and, of training, one inside a checkpoint's write."""
    inside = kind == "made" or any("checkpoints" in found for found in states)
    return len(moments) >= kills and (inside or len(moments) >= 10 * kills)


def main(kind, grid, folder, kills, seed):
    """Kill until it is enough; return what was seen."""
    rng = random.Random(seed)  # noqa: S311 - moments, no secrets
    folder = Path(folder)
    local.start = forked
    options = {}
    if kind == "trained":
        import bench.models.decode
        import bench.training.execute  # noqa: F401 - torch, once for all

        options["checkpoint_seconds"] = 1e-9
    else:
        report.draw_all = lambda study: []
    driver.stand_in()
    grid = load_grid(grid)
    if kind == "made":
        # Whatever else is loaded on the way is loaded once too.
        pipeline.run_grid(grid, out=folder / "warm")
    total = len(expand(grid))
    spans = reference(grid, folder / "reference", total, **options)
    wrong, moments, states, folders, starts = [], [], Counter(), [], 0
    while not _enough(kind, kills, moments, states) or not folders:
        out = folder / f"round{len(folders)}"
        while True:
            before, log = committed(out), folder / f"start{starts}.log"
            starts += 1
            pid = start(grid, out, log, **options)
            moment = rng.uniform(0, rng.choice(spans))
            enough = _enough(kind, kills, moments, states)
            code = ended(pid, time.monotonic() + (HANG if enough else moment))
            if code is None:
                os.killpg(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                # A forked worker has the lock's descriptor too, until it is quite dead.
                wait_for(lambda group=pid: not members(group))
                moments.append(round(moment, 3))
                states[state(out)] += 1
            after = committed(out)
            again = before & set(log.read_text().split() if log.exists() else ())
            if before - after:
                wrong.append(f"{out}: lost {before - after}")
            if again:
                wrong.append(f"{out}: made again {again}")
            if after and Store(out).damaged(after):
                wrong.append(f"{out}: {Store(out).damaged(after)} are not whole")
            if code is not None:
                break
        if code:
            wrong.append(f"{out}: exit code {code}: " + Path(f"{out}.output").read_text()[-2000:])
        folders.append(str(out))
    return {
        "kills": len(moments),
        "moments": moments,
        "states": dict(states),
        "seconds": spans,
        "starts": starts,
        "wrong": wrong,
        "reference": str(folder / "reference"),
        "folders": folders,
    }


if __name__ == "__main__":
    name, grid_file, place, count, number = sys.argv[1:]
    print(json.dumps(main(name, grid_file, place, int(count), int(number))))
