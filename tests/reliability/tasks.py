"""Tasks for a pool, in a module that a worker loads quickly."""

import os
import signal
import time
from pathlib import Path

from bench.store import provenance as origin
from bench.store.files import WriteError
from bench.store.store import Store
from datasets import _cache


def die(task, report):
    if task == "die":
        os._exit(7)
    if task == "end":
        # One that workers take, to write a checkpoint.
        os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.1)
    return task


class Unreadable:
    """A task that ends the first worker that reads it, before anything of it has begun."""

    def __init__(self, marker, *, always):
        self.marker, self.always = marker, always

    def __setstate__(self, state):
        self.__dict__.update(state)
        if self.always or not Path(self.marker).exists():
            Path(self.marker).touch()
            os._exit(9)


def name(task, report):
    return Path(task.marker).name


def add(task, report):
    return task + 1


def sleep(task, report):
    time.sleep(task)
    return task


def count(task, report):
    """Report a number that grows, as often as a fast training would, until a file is there."""
    number, release = task
    counted = 0
    deadline = time.monotonic() + 250
    while not Path(release).exists() and time.monotonic() < deadline:
        counted += 1
        report(counted, number)
        time.sleep(0.01)
    return counted


class OddError(Exception):
    """An error that pickle writes, and cannot read."""

    def __init__(self, one, two):
        super().__init__(f"{one}, and {two}")


def raise_odd(task, report):
    raise OddError("one", "two")


def refuse(task, report):
    if task == "refuse":
        raise WriteError("no: cannot be written")
    time.sleep(0.05)
    return task


def folder(task, report):
    """Return the names of the files below the working folder."""
    here = Path.cwd()
    return [str(path.relative_to(here)) for path in here.rglob("*")]


def make_store(task, report):
    """Make an output folder of that name where this worker is."""
    Store(Path.cwd() / task, create=True)
    time.sleep(0.5)


def commit(task, report):
    return origin.git_commit()


def draw(task, report):
    """Take a data set from the cache, log who had to draw it, and wait for three others."""

    def fill(bits):
        time.sleep(0.5)
        with (_cache.cache_folder() / "drawn").open("a") as log:
            log.write(f"{os.getpid()}\n")
        bits[:] = 7

    _cache.stored_bits("slow", (4, 4), fill)
    (Path(task) / str(os.getpid())).touch()
    deadline = time.monotonic() + 250
    while len([*Path(task).iterdir()]) < 4 and time.monotonic() < deadline:
        time.sleep(0.05)
    return str(_cache.cache_folder()), os.getpid()
