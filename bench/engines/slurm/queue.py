"""The queue of Slurm: jobs go in by submitit, and are watched and cancelled by Slurm's commands.

All jobs of an output folder have one name, so that the next start finds what a killed driver has
left in the queue.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from ..base import Demand, EngineError, EngineOptions
from ..machines import variables
from .job import AHEAD_OF_LIMIT

log = logging.getLogger("disbench")
# How long before its time limit a job is told, to write its checkpoint.
SIGNAL_SECONDS = 60
SIGNAL = AHEAD_OF_LIMIT.name.removeprefix("SIG")
# The most jobs of an array, where Slurm allows so many.
ARRAY = 1_000
COMMAND_SECONDS = 120.0
POLL_SECONDS = 0.5
# States of Slurm in which a job does not run any more, and those of submitit's jobs without Slurm.
ENDED = {
    *("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY"),
    *("PREEMPTED", "REVOKED", "TIMEOUT", "FINISHED", "INTERRUPTED"),
}
# Options of sbatch that say how many GPUs, and all that only jobs with one are given.
_GPUS = re.compile("gres|gpus(-per-.*)?")
_OF_GPU = re.compile(f"{_GPUS.pattern}|gpu-.*|.*-per-gpu")


class Queue:
    """The jobs of one output folder.

    Parameters
    ----------
    submitit : module
        What only those who use Slurm have.
    folder : Path
        The output folder.
    options : EngineOptions
        How many jobs run at once, the share of GPUs, and options of sbatch.
    """

    def __init__(self, submitit: ModuleType, folder: Path, options: EngineOptions) -> None:
        self._submitit: Any = submitit
        self._options = options
        self._name = f"disbench-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]}"
        self._mine = (f"--name={self._name}", f"--user={os.getuid()}")

    @property
    def workers(self) -> int | None:
        """How many jobs the user wants at once."""
        return self._options.workers

    def check(self) -> None:
        """Refuse a machine from which no jobs can be submitted or watched.

        Raises
        ------
        EngineError
            With what is missing.
        """
        for command in ("sbatch", "scancel", "squeue", "sinfo", "sacct"):
            if shutil.which(command) is None:
                raise EngineError(
                    f"--engine slurm needs Slurm's commands, and {command} is not found here: "
                    f"start on a machine that jobs are submitted from, such as a login node"
                )
        _run("sinfo", "--noheader", "--format=%P")
        try:
            _run("sacct", "--noheader", "--allocations", "--starttime=now")
        except EngineError as error:
            raise EngineError(f"{error}; states of jobs are read from the accounting") from None

    def size(self) -> int:
        """Return how many jobs an array may have."""
        allowed = re.search(r"MaxArraySize\s*=\s*(\d+)", _run("scontrol", "show", "config"))
        return max(1, min(ARRAY, int(allowed[1]))) if allowed else ARRAY

    def has_gpu(self) -> bool:
        """Return whether a node that jobs may go to has a GPU."""
        partition = self._options.slurm.get("partition")
        chosen = [f"--partition={partition}"] if partition else []
        return "gpu" in _run("sinfo", "--noheader", "--format=%G", *chosen)

    def submit(
        self, folder: Path, work: Callable[..., None], *given: Sequence[Any], demand: Demand
    ) -> list[Any]:
        """Submit an array: one job for each element of the sequences that are given.

        Parameters
        ----------
        folder : Path
            Where submitit keeps what the jobs need, and their logs.
        work : callable
            Is called in each job with one element of each sequence.
        *given : sequence
            Of one length.
        demand : Demand
            What each job needs.

        Returns
        -------
        list
            submitit's jobs, in order.

        Raises
        ------
        EngineError
            If Slurm refuses them; with its reason.
        """
        executor = self.executor(folder, demand, len(given[0]))
        try:
            with self._outside():
                jobs: list[Any] = executor.map_array(work, *given)
        except (self._submitit.core.utils.FailedJobError, RuntimeError, OSError) as error:
            raise EngineError(f"Slurm takes no jobs: {_last_line(str(error))}") from None
        return jobs

    @contextmanager
    def _outside(self) -> Iterator[None]:
        """Hide the job that the driver itself may be: jobs of its own would inherit from it."""
        if "SLURM_JOB_ID" not in os.environ:
            yield
            return
        kept = {name: os.environ[name] for name in ("SLURM_CONF",) if name in os.environ}
        with self._submitit.helpers.clean_env():
            os.environ.update(kept)
            yield

    def executor(self, folder: Path, demand: Demand, jobs: int) -> Any:
        """Return what submits jobs for a demand."""
        executor = self._submitit.SlurmExecutor(folder)
        executor.update_parameters(**self.parameters(demand, jobs))
        return executor

    def parameters(self, demand: Demand, jobs: int) -> dict[str, Any]:
        """Return what submitit asks of Slurm."""
        given: Mapping[str, str | bool] = self._options.slurm
        if not demand.gpu:
            given = {key: value for key, value in given.items() if not _OF_GPU.fullmatch(key)}
        elif not any(map(_GPUS.fullmatch, given)):
            given = {"gres": f"gpu:{int(self._options.gpus_per_run or 1)}", **given}
        # Jobs import from where this process does.
        places = filter(os.path.exists, dict.fromkeys(map(os.path.abspath, sys.path)))
        exported = {"PYTHONPATH": os.pathsep.join(places), **variables()}
        return {
            "job_name": self._name,
            # As long as the partition gives, and not submitit's five minutes.
            "time": None,
            "wckey": None,
            "cpus_per_task": demand.threads,
            # Since Slurm 22.05 a step does not have its job's by itself.
            "srun_args": [f"--cpus-per-task={demand.threads}"],
            "array_parallelism": min(self._options.workers or jobs, jobs),
            "stderr_to_stdout": True,
            "setup": [f"export {key}={shlex.quote(value)}" for key, value in exported.items()],
            "additional_parameters": {**given, "signal": f"{SIGNAL}@{SIGNAL_SECONDS}"},
        }

    def look(self, jobs: Sequence[Any]) -> None:
        """Ask for the states of jobs, in one question."""
        if jobs:
            jobs[0].get_info(mode="force")

    def state(self, job: Any) -> str:
        """Return the state of a job at the last look, in Slurm's word."""
        words: list[str] = job.watcher.get_state(job.job_id, mode="cache").split()
        return words[0] if words else "UNKNOWN"

    def cancel(self, jobs: Sequence[Any]) -> None:
        """Cancel jobs, also such that Slurm would start again."""
        if jobs:
            _run("scancel", "--quiet", *(str(job.job_id) for job in jobs), check=False)

    def left(self) -> int:
        """Return how many jobs of this output folder have not ended; arrays may be folded."""
        listed = _run("squeue", "--noheader", "--format=%i", *self._mine, check=False)
        return len(listed.split())

    def cancel_all(self) -> None:
        """Cancel all jobs of this output folder, whoever submitted them."""
        _run("scancel", "--quiet", *self._mine, check=False)

    def wait(self, seconds: float) -> bool:
        """Wait until no job of this output folder is left; return whether that came in time."""
        deadline = time.monotonic() + seconds
        while self.left():
            if time.monotonic() >= deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True


def _run(*command: str, check: bool = True) -> str:
    """Run one of Slurm's commands and return what it prints.

    Raises
    ------
    EngineError
        If it fails, unless that does not matter.
    """
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        done = subprocess.CompletedProcess(command, 1, "", str(error))
    if done.returncode != 0:
        reason = f"{command[0]} failed: {_last_line(done.stderr)}"
        if check:
            raise EngineError(f"Slurm does not answer: {reason}")
        log.debug("%s", reason)
    return done.stdout


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no reason was given"])[-1]
