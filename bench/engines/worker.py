"""A worker process: how it is started, and how it answers tasks.

It is a separate interpreter that imports this module and what its tasks need. `multiprocessing`
would import the driver's main module first, so a script without a main guard would start its grid
again in every worker.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from multiprocessing.connection import Connection
from typing import Any

from ..errors import Stopped
from . import stopping
from .base import portable

# What a worker is started with, before it knows where modules are. Nothing of the driver's folder
# or script is imported by it.
_BEGIN = """
import sys
from importlib import import_module
from multiprocessing.connection import Connection
pipe = Connection(int(sys.argv[1]))
sys.path[:], module = pipe.recv()
try:
    serve = import_module(module).serve
except Exception as error:
    pipe.send(("unfit", f"{type(error).__name__}: {error}"))
    sys.exit(1)
serve(pipe, int(sys.argv[2]))
"""
# These reach the driver's whole process group; what becomes of the workers is the driver's matter.
_OF_TERMINAL = {signal.SIGINT, signal.SIGHUP}


def start(pipe: Connection, lifeline: int) -> subprocess.Popen[bytes]:
    """Start a process that serves at the other end of a pipe.

    Parameters
    ----------
    pipe : Connection
        The worker's end. The first thing that is sent to it has to be `place()`, the second a call.
    lifeline : int
        A descriptor to read from, that ends when the driver does.
    """
    given = pipe.fileno(), lifeline
    command = [
        sys.executable,
        *subprocess._args_from_interpreter_flags(),  # type: ignore[attr-defined]
        *("-P", "-c", _BEGIN, *map(str, given)),
    ]
    # Until it has said what it does at a signal, none comes; a mask is inherited.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _OF_TERMINAL)
    try:
        # Not forked: a forked child of a process that has used torch's threads may hang.
        return subprocess.Popen(command, pass_fds=given, stdin=subprocess.DEVNULL)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def place() -> tuple[list[str], str]:
    """Return what a worker is sent first: where modules are, and which of them is this one."""
    return [*sys.path], __name__


def serve(pipe: Connection, lifeline: int) -> None:
    """Answer tasks until the driver is gone."""
    threading.Thread(target=_end_with_the_driver, args=(lifeline,), daemon=True).start()

    def report(*update: Any) -> None:
        try:
            pipe.send(("progress", update))
        except (BrokenPipeError, ConnectionResetError):
            # The driver is gone: no failure of the task.
            raise Stopped(signal.SIGHUP) from None

    try:
        stopping.install(worker=True)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _OF_TERMINAL)
        try:
            call = pipe.recv()
        except (ImportError, AttributeError) as error:
            pipe.send(("unfit", f"{type(error).__name__}: {error}"))
            sys.exit(1)
        pipe.send(("ready", None))
        while True:
            task = pipe.recv()
            pipe.send(("begun", None))
            try:
                answer: tuple[str, Any] = ("answer", call(task, report))
            except Exception as error:
                answer = ("raised", portable(error))
            pipe.send(answer)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return
    except Stopped as stopped:
        # End by the signal itself, so that the exit code shows it.
        signal.signal(stopped.number, signal.SIG_DFL)
        os.kill(os.getpid(), stopped.number)


def _end_with_the_driver(lifeline: int) -> None:
    """Wait for the driver's end, however it comes, and end this process with it."""
    os.read(lifeline, 1)
    os._exit(1)
