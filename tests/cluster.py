"""A Ray cluster of this machine alone: every node is a `ray start` of its own, on loopback."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

# Two cores start a node in seconds; this is a limit for hangs.
START_SECONDS = 120
# Workers are started when they are needed: each costs a second of a core.
SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_enable_worker_prestart": "0",
    "RAY_prestart_worker_first_driver": "0",
}
CPUS = 2


class Cluster:
    """A head node without CPUs, and as many others as are added.

    Every node has a temporary folder and a data set cache of its own, as machines have.
    """

    def __init__(self) -> None:
        # Short: sockets lie in it, and their paths may have 107 characters.
        self.folder = Path(tempfile.mkdtemp(prefix="ray"))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        self.nodes: list[subprocess.Popen[bytes]] = []
        self._head = self._start("--head", "--port", self.address.partition(":")[2], cpus=0)
        self._wait(self._head)

    def add(self, count: int = 1, cpus: int = CPUS) -> None:
        """Add nodes of so many CPUs each."""
        new = [self._start("--address", self.address, cpus=cpus) for _ in range(count)]
        self.nodes += new
        for node in new:
            self._wait(node)

    def kill(self, node: subprocess.Popen[bytes]) -> None:
        """Let a node die as a machine does: all of its processes at once, without a word."""
        for pid in self.processes(node):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        node.wait()
        if node in self.nodes:
            self.nodes.remove(node)

    def processes(self, node: subprocess.Popen[bytes]) -> dict[int, str]:
        """Return the processes of a node by their id, with what they call themselves."""
        found = {}
        for place in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                # Workers leave their node's process group, but not its session.
                session = (place / "stat").read_text().rpartition(")")[2].split()[3]
                if int(session) == node.pid:
                    found[int(place.name)] = (place / "cmdline").read_bytes().decode()
        return found

    def at_work(self) -> list[str]:
        """Return the tasks that workers of all nodes are at, by what they call themselves."""
        titles = [title for node in self.nodes for title in self.processes(node).values()]
        return [title for title in titles if title.startswith("ray::serve")]

    def cache(self, node: subprocess.Popen[bytes]) -> Path:
        """Return the data set cache of a node."""
        return self.folder / f"cache{node.args[-1]}"

    def stop(self) -> None:
        """End all of it."""
        for node in [*self.nodes, self._head]:
            self.kill(node)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self, *options: str, cpus: int) -> subprocess.Popen[bytes]:
        name = str(len(list(self.folder.glob("*.log"))))
        fixed = {
            "node-ip-address": "127.0.0.1",
            "num-cpus": cpus,
            "num-gpus": 0,
            "object-store-memory": 80_000_000,
            "include-log-monitor": "false",
            "temp-dir": self.folder / name,
        }
        if "--head" in options:
            fixed["include-dashboard"] = "false"
        with (self.folder / f"{name}.log").open("wb") as log:
            return subprocess.Popen(
                [
                    *(sys.executable, "-m", "ray.scripts.scripts", "start", "--block", *options),
                    *(f"--{key}={value}" for key, value in fixed.items()),
                    *("--node-name", name),
                ],
                env={**os.environ, **SETTINGS, "DISBENCH_CACHE": str(self.folder / f"cache{name}")},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _wait(self, node: subprocess.Popen[bytes]) -> None:
        log = self.folder / f"{node.args[-1]}.log"
        deadline = time.monotonic() + START_SECONDS
        while "Ray runtime started" not in log.read_text():
            assert node.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
