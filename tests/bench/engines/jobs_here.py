"""Slurm's queue without Slurm: submitit's jobs as processes of this machine."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from unittest import mock

import submitit

from bench.engines import EngineOptions
from bench.engines.slurm import stage
from bench.engines.slurm.cluster import SlurmEngine
from bench.engines.slurm.queue import Queue
from bench.store.store import Store
from tests.reliability.processes import HANG


class QueueHere(Queue):
    """All jobs run at once, each a process of submitit's; the rest is Slurm's queue's."""

    def __init__(self, folder, workers=None, array=2):
        super().__init__(submitit, folder, EngineOptions(folder, workers))
        self.jobs, self.array = [], array

    def size(self):
        return self.array

    def executor(self, folder, demand, jobs):
        executor = submitit.LocalExecutor(folder)
        executor.update_parameters(stderr_to_stdout=True)
        return executor

    def submit(self, *given, **named):
        jobs = super().submit(*given, **named)
        self.jobs += jobs
        return jobs

    def state(self, job):
        return job.state

    def cancel(self, jobs):
        for job in jobs:
            job.cancel()

    def cancel_all(self):
        self.cancel(self.jobs)

    def end(self):
        """End all jobs, and wait for their processes: one that is forgotten while it runs warns."""
        self.cancel_all()
        for job in self.jobs:
            job._process.wait(HANG)

    def left(self):
        return sum(job.state == "RUNNING" for job in self.jobs)


@contextmanager
def slurm_here(folder, **options):
    """Open Slurm's engine with jobs that are processes of this machine."""
    Store(folder, create=True)
    queue = QueueHere(folder, **options)
    fast = {"POLL_SECONDS": 0.05, "REPORT_SECONDS": 0.1, "STATE_SECONDS": 0.3, "TRIES": 1}
    places = os.pathsep.join(filter(None, sys.path))
    with mock.patch.multiple(stage, **fast), mock.patch.dict(os.environ, PYTHONPATH=places):
        try:
            yield SlurmEngine(queue, folder)
        finally:
            queue.end()
