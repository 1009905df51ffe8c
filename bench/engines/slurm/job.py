"""What a job of Slurm does: it says that it has begun, and answers its tasks one after another."""

from __future__ import annotations

import signal
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...errors import Stopped
from .. import machines, stopping
from ..base import Answer, Call, Task, portable
from .post import Post

# What Slurm is asked to send ahead of the time limit, as submitit does. SIGTERM comes at preemption
# and when a job is cancelled.
AHEAD_OF_LIMIT = signal.SIGUSR2


def work(
    post: Post,
    store: Path,
    call: Call[Task, Answer],
    report_seconds: float,
    job: str,
    tasks: Sequence[tuple[int, Task]],
) -> None:
    """Answer tasks in a job, until all are answered or the job has to end.

    Parameters
    ----------
    post : Post
        Where answers go.
    store : Path
        The output folder.
    call : callable
        Answers a task, as in `local.run_tasks`.
    report_seconds : float
        The least time between two reports of a task.
    job : str
        What the driver calls this job.
    tasks : sequence of tuple
        Tasks with their positions.
    """
    stopping.install(worker=True)
    # submitit would start the job again by itself, from the middle of a step.
    signal.signal(AHEAD_OF_LIMIT, signal.getsignal(signal.SIGTERM))
    ask, _ = machines.questions()
    # What tasks need is imported by now, or they could not have been read.
    probe = post.folder.relative_to(store) / "begun" / f".{job}"
    try:
        said = ask(__name__, str(store), str(probe))
        post.put("begun", job, {"node": socket.gethostname(), **said})
        for position, task in tasks:
            # A job that Slurm has started again has some of its answers.
            if not post.has("answer", str(position)):
                post.put(
                    "answer", str(position), _answer(post, call, position, task, report_seconds)
                )
    except Stopped as stopped:
        # Checkpoints are written by now. The driver shows the last line of the log.
        print(f"stopped by {signal.Signals(stopped.number).name}", flush=True)
        # Returning would be taken for the end of the work, by submitit and by Slurm.
        sys.exit(128 + stopped.number)


def _answer(
    post: Post, call: Call[Task, Answer], position: int, task: Task, report_seconds: float
) -> tuple[str, Any]:
    """Return what a task answered, or what it raised."""
    due = time.monotonic()

    def report(*update: Any) -> None:
        nonlocal due
        if time.monotonic() >= due:
            due = time.monotonic() + report_seconds
            post.put("progress", str(position), update)

    try:
        return "answer", call(task, report)
    except Exception as error:
        return "raised", portable(error)
