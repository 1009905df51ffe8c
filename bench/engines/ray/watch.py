"""Watch a cluster: which nodes it has at the moment, and whether it is still there."""

from __future__ import annotations

import logging
import socket
import threading
import time
from typing import Any

from ..base import EngineError
from .board import LOOK_SECONDS
from .nodes import Node, working_nodes

log = logging.getLogger("disbench")
# An answer is trusted until it is older than this.
FRESH_SECONDS = 3 * LOOK_SECONDS
# A cluster whose head node is silent for this long is taken to be gone. Ray itself would end the
# driver after a minute.
GONE_SECONDS = 30.0
# How long a cluster may have no node that takes tasks.
NODELESS_SECONDS = 300.0


class Watch:
    """Asks the cluster that Ray is connected to for its nodes, once in a while.

    In a thread: when the head node is gone, Ray's answer never comes.

    Attributes
    ----------
    nodes : list of Node
        Those that take tasks, as they were at the last look.
    """

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        self._head = str(ray.get_runtime_context().gcs_address)
        self.nodes = working_nodes(ray)
        self._heard = self._peopled = time.monotonic()
        self._answer = self._heard, self.nodes
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()

    @property
    def is_fresh(self) -> bool:
        """Whether the cluster has answered of late."""
        return time.monotonic() - self._answer[0] <= FRESH_SECONDS

    def listens(self) -> bool:
        """Return whether the head node accepts connections."""
        host, _, port = self._head.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), LOOK_SECONDS).close()
        except (OSError, ValueError):
            return False
        return True

    def look(self) -> list[Node]:
        """Return the nodes, as they were a moment ago; say which have gone.

        Raises
        ------
        EngineError
            If the cluster is gone, or has had no node for long.
        """
        heard, nodes = self._answer
        now = time.monotonic()
        if now - heard >= GONE_SECONDS and not self.listens():
            raise EngineError(
                f"the Ray cluster is gone: its head node at {self._head} does not answer; the next "
                f"start, on a cluster that is there, makes what has not ended"
            )
        if heard == self._heard:
            return self.nodes
        self._heard = heard
        there = {node.identity for node in nodes}
        for node in self.nodes:
            if node.identity not in there:
                log.warning("node %s is gone", node.address)
        if nodes:
            self._peopled = now
        elif self.nodes:
            log.warning("no node is left; waiting %.0f s for one to join", NODELESS_SECONDS)
        elif now - self._peopled >= NODELESS_SECONDS:
            raise EngineError(
                f"the Ray cluster has had no node that takes tasks for {NODELESS_SECONDS:.0f} s: "
                f"add one, and start again"
            )
        self.nodes = nodes
        return nodes

    def close(self) -> None:
        """Ask no more."""
        self._closed.set()
        if self.is_fresh:
            self._thread.join(FRESH_SECONDS)

    def _ask(self) -> None:
        while not self._closed.wait(LOOK_SECONDS):
            try:
                nodes = working_nodes(self._ray)
            except Exception as error:
                # An answer that does not come is one that is not fresh.
                log.debug("Ray gives no nodes: %s", error)
                continue
            self._answer = time.monotonic(), nodes
