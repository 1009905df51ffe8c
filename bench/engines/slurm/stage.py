"""A stage: the tasks of one call, the jobs that they are in, and what becomes of both.

A job that ends without the answers that it was sent for has lost its node, was preempted, or ran
into its time limit: its tasks are submitted again, and go on from their checkpoints. They may be as
often as they like, as long as they get further each time.
"""

from __future__ import annotations

import logging
import math
import os
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Generic

from .. import machines, stopping
from ..base import Answer, Call, Crashed, Demand, EngineError, Progress, Task
from .job import work
from .post import Post
from .queue import ENDED, Queue

log = logging.getLogger("disbench")
# Time between two looks into the folder of messages, and the least between two of one task.
POLL_SECONDS = 2.0
REPORT_SECONDS = 5.0
# Time between two questions to Slurm about all jobs. What a job wrote is seen here before the
# second one that says that it has ended.
STATE_SECONDS = 30.0
# How long Slurm may refuse jobs that are submitted again, as it does while it is restarted.
REFUSED_SECONDS = 1_800.0
# How often a task may be in a job that ends before it got further.
TRIES = 3
# The most jobs for brief tasks, and how many of these are worth one.
BRIEF_JOBS = 16
FEW = 8
# How long jobs may take to write their checkpoints and end: a stopped driver has ten seconds.
GRACE_SECONDS = 6.0
LOG_BYTES = 4_000
# Lines of a log that say nothing of what went wrong in the job.
_USUAL = ("srun:", "slurmstepd:", "submitit ")


@dataclass
class _Flight:
    """A job, and the positions of the tasks in it."""

    job: Any
    positions: Sequence[int]
    begun: bool = False
    ended: bool = False


class Stage(Generic[Task, Answer]):
    """Runs tasks as jobs.

    Parameters
    ----------
    queue : Queue
        Takes jobs.
    store : Path
        The output folder.
    call : callable
        Answers a task.
    tasks : sequence
        What to run.
    demand : Demand
        What each of them takes.
    """

    def __init__(
        self,
        queue: Queue,
        store: Path,
        call: Call[Task, Answer],
        tasks: Sequence[Task],
        demand: Demand,
    ) -> None:
        self._queue, self._store, self._demand = queue, store, demand
        self._call, self._tasks = call, tasks
        self._post = Post.open(store)
        # Tasks without an answer, the jobs that they are in, and those that wait for another job,
        # which Slurm has refused since then.
        self._open = {*range(len(tasks))}
        self._flying: dict[str, _Flight] = {}
        self._again: list[Sequence[int]] = []
        self._refused: float | None = None
        self._labels = map(str, count())
        self._seen_nodes: set[str] = set()
        # Of each task: how far it is, how far it was when its last job ended, and how many jobs
        # have ended since it got further.
        self._done, self._reached = Counter[int](), Counter[int]()
        self._tries = Counter[int]()
        self._keeps_logs = False
        self.status = ""

    def run(self, progress: Progress) -> Iterator[tuple[int, Answer | Crashed]]:
        """Run the tasks, and yield (position, answer) as each ends."""
        self._submit(self._deal())
        first = next(iter(self._flying.values())).job.job_id.partition("_")[0]
        log.info("submitted to Slurm as %s: %d jobs", first, len(self._flying))
        next_look = time.monotonic()
        while self._open:
            for label, said in self._post.news("begun"):
                self._greet(label, said)
            for name, update in self._post.progress():
                position = int(name)
                if update and isinstance(update[0], int):
                    self._done[position] = max(self._done[position], update[0])
                if position in self._open:
                    progress(position, update)
            yield from self._answers()
            if time.monotonic() >= next_look:
                yield from self._look()
                self._submit_again()
                next_look = time.monotonic() + STATE_SECONDS
            if self._open:
                time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """Cancel what has not ended, and clear up."""
        flying = sum(bool(self._left(flight.positions)) for flight in self._flying.values())
        self.status = ""
        if flying:
            log.warning("cancelling %d Slurm job%s", flying, "s" * (flying != 1))
            self._queue.cancel_all()
        # Those with all answers are about to end, and write to their logs until then.
        self._queue.wait(GRACE_SECONDS)
        if not self._keeps_logs:
            shutil.rmtree(self._post.folder, ignore_errors=True)

    def _deal(self) -> list[Sequence[int]]:
        """Return the positions for each job: one, unless there are many or they are brief."""
        jobs = self._queue.size()
        if self._demand.brief:
            worthwhile = math.ceil(len(self._tasks) / FEW)
            jobs = min(jobs, worthwhile, self._queue.workers or BRIEF_JOBS)
        positions = range(len(self._tasks))
        share = math.ceil(len(positions) / jobs)
        return [positions[start : start + share] for start in positions[::share]]

    def _submit(self, dealt: Sequence[Sequence[int]]) -> None:
        if not dealt:
            return
        labels = [next(self._labels) for _ in dealt]
        given = [
            [(position, self._tasks[position]) for position in positions] for positions in dealt
        ]
        call = partial(work, Post(self._post.folder), self._store, self._call, REPORT_SECONDS)
        # A signal in between would leave jobs in the queue that nobody knows of.
        with stopping.deferred():
            jobs = self._queue.submit(
                self._post.folder / "jobs", call, labels, given, demand=self._demand
            )
            for label, job, positions in zip(labels, jobs, dealt, strict=True):
                self._flying[label] = _Flight(job, positions)
        stopping.check()

    def _submit_again(self) -> None:
        """Submit what has lost its jobs; later, if Slurm does not take it now.

        Raises
        ------
        EngineError
            If Slurm has not taken it for long.
        """
        left = [self._left(positions) for positions in self._again]
        try:
            self._submit([positions for positions in left if positions])
        except EngineError as error:
            now = time.monotonic()
            self._refused = self._refused or now
            if now - self._refused >= REFUSED_SECONDS:
                raise
            log.warning("%s; trying again", error)
        else:
            self._again, self._refused = [], None

    def _greet(self, label: str, said: dict[str, Any]) -> None:
        """Take that a job has begun; check its node, if it is the first there."""
        if label in self._flying:
            self._flying[label].begun = True
        if said["node"] not in self._seen_nodes:
            self._seen_nodes.add(said["node"])
            machines.judge(said, said["node"], self._store, "slurm")

    def _answers(self) -> Iterator[tuple[int, Answer | Crashed]]:
        """Yield answers that have come."""
        for name, (kind, content) in self._post.news("answer"):
            if int(name) in self._open:
                self._open.remove(int(name))
                if kind == "raised":
                    raise content
                yield int(name), content
        self._flying = {
            label: flight
            for label, flight in self._flying.items()
            if not self._open.isdisjoint(flight.positions)
        }

    def _left(self, positions: Sequence[int]) -> list[int]:
        """Return those positions that have no answer."""
        return [position for position in positions if position in self._open]

    def _look(self) -> Iterator[tuple[int, Answer | Crashed]]:
        """Find jobs that have ended without their answers."""
        self._queue.look([flight.job for flight in self._flying.values()])
        states = {label: self._queue.state(flight.job) for label, flight in self._flying.items()}
        # One that has ended may still have its answers on the way.
        words = Counter("ending" if state in ENDED else state.lower() for state in states.values())
        self.status = ", ".join(f"{words[word]} {word}" for word in sorted(words))
        lost = []
        for label, state in states.items():
            flight = self._flying[label]
            if state in ENDED and flight.ended:
                lost.append((self._flying.pop(label), state))
            flight.ended = state in ENDED
        # Some of them Slurm may be about to start again by itself.
        self._queue.cancel([flight.job for flight, _ in lost])
        for flight, state in lost:
            reason = f"job {flight.job.job_id} ended as {state}{self._place(flight.job)}"
            left = self._left(flight.positions)
            # Whoever cancels a job does not want it again at once. Otherwise it was at the first
            # task without an answer.
            if state == "CANCELLED":
                crashed = dict.fromkeys(left, Crashed(None, f"the worker was cancelled: {reason}"))
            elif self._may_try_again(flight, left[0], reason):
                crashed = {}
            else:
                crashed = {left[0]: Crashed(None, f"the worker died: {reason}")}
            self._open -= crashed.keys()
            yield from crashed.items()
            if again := self._left(left):
                log.warning("submitted again: %s", reason)
                self._again.append(again)

    def _may_try_again(self, flight: _Flight, first: int, reason: str) -> bool:
        """Return whether the task that a lost job was at may be tried again.

        Raises
        ------
        EngineError
            If jobs end before they have begun: that is of no task.
        """
        further = self._done[first] > self._reached[first] or first != flight.positions[0]
        self._reached[first] = self._done[first]
        self._tries[first] = 0 if further else self._tries[first] + 1
        if self._tries[first] < TRIES:
            return True
        self._keeps_logs = True
        if not flight.begun:
            raise EngineError(f"Slurm runs no jobs of ours: {reason}, before it could begin")
        return False

    def _place(self, job: Any) -> str:
        """Return the node of a job and the last line of its log, as far as they are known."""
        node = job.get_info(mode="cache").get("NodeList", "")
        on = f" on node {node}" if node and not node.startswith("None") else ""
        path = job.paths.stdout
        try:
            with path.open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - LOG_BYTES))
                lines = file.read().decode(errors="replace").splitlines()
        except OSError:
            return f"{on} and has no log in {path.parent}; do all nodes see this folder?"
        told = [line for line in lines if line.strip() and not line.startswith(_USUAL)]
        return f"{on} (log: {path}{': ' * bool(told)}{told[-1] if told else ''})"
