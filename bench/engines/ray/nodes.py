"""Check that the nodes of a cluster have this package and share one output folder.

Every node is asked once, before anything is trained, to import the package and to write a file to
the output folder, which must then appear here. Otherwise every run would fail for these reasons.
"""

from __future__ import annotations

import logging
import os
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import machines
from ..base import EngineError

log = logging.getLogger("disbench")
# The longest wait for all nodes to answer and for their files to be seen here.
CHECK_SECONDS = 30.0


@dataclass(frozen=True)
class Node:
    """A node that can take tasks."""

    identity: str
    address: str
    cpus: float
    gpus: float


def working_nodes(ray: Any) -> list[Node]:
    """Return the nodes that are alive and have a CPU to give."""
    found = []
    for node in ray.nodes():
        resources = node["Resources"]
        if node["Alive"] and resources.get("CPU", 0) >= 1:
            name = f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})"
            gpus = resources.get("GPU", 0)
            found.append(Node(node["NodeID"], name, resources["CPU"], gpus))
    return found


def check_nodes(ray: Any, nodes: Sequence[Node], folder: Path) -> None:
    """Ask every node whether it can import this package and write where this machine reads.

    Raises
    ------
    EngineError
        If one cannot, or has not answered within `CHECK_SECONDS`; the message names it.
    """
    deadline = time.monotonic() + CHECK_SECONDS
    package = (__package__ or "").removesuffix(".engines.ray")
    # Named as unfinished files are: what a killed driver leaves is cleared by the next one.
    token = secrets.token_hex(4)
    names = {node: f".probe-{node.identity[:12]}.{os.getpid()}.{token}" for node in nodes}

    def on(node: Node, function: Callable[..., Any], *given: Any) -> Any:
        place = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
            node.identity, soft=False
        )
        options = {"num_cpus": 0, "max_retries": 0, "scheduling_strategy": place}
        return ray.remote(function).options(**options).remote(*given)

    ask, remove = machines.questions()
    asked = {
        on(node, ask, f"{package}.pipeline", str(folder), name): node
        for node, name in names.items()
    }
    try:
        ready, late = ray.wait(
            [*asked], num_returns=len(asked), timeout=max(0, deadline - time.monotonic())
        )
        for answer in ready:
            if not _judge(ray, answer, asked[answer], folder):
                del names[asked[answer]]
        if late:
            raise EngineError(
                f"node {asked[late[0]].address} has not answered within {CHECK_SECONDS:.0f} s: "
                f"see its logs in /tmp/ray/session_latest/logs, or take it out of the cluster"
            )
        deadline = min(deadline, time.monotonic() + machines.SEEN_SECONDS)
        for node, name in names.items():
            if not machines.seen(folder, name, deadline):
                raise EngineError(
                    f"{folder}: what node {node.address} writes there is not seen here, so it is "
                    f"a disk of its own: name a folder on a file system that all nodes share, "
                    f"with --out"
                )
    except EngineError:
        # Where the folder is not shared, only this node can remove it.
        removed = [on(node, remove, str(folder), name) for node, name in names.items()]
        ray.wait(removed, num_returns=len(removed), timeout=2)
        raise
    finally:
        for name in names.values():
            with suppress(OSError):
                (folder / name).unlink(missing_ok=True)


def _judge(ray: Any, answer: Any, node: Node, folder: Path) -> bool:
    """Raise what is wrong with a node, and log what is merely different.

    Returns whether it is there: one that has just died is listed for a while.
    """
    try:
        said = ray.get(answer)
    except (ray.exceptions.TaskUnschedulableError, ray.exceptions.NodeDiedError):
        log.warning("node %s is gone", node.address)
        return False
    except ray.exceptions.RayError as error:
        first = str(error).strip().splitlines()[0]
        raise EngineError(f"node {node.address} cannot run tasks: {first}") from None
    machines.judge(said, node.address, folder, "ray")
    return True
