"""Tasks for a pool, in a module that a worker loads quickly."""

import os
import time
from pathlib import Path


def die(task, tell):
    if task == "die":
        os._exit(7)
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


def name(task, tell):
    return Path(task.marker).name
