"""Run a training step as one launch: recorded as a CUDA graph, then replayed."""

from __future__ import annotations

from collections.abc import Callable

import torch

# Calls that run as they are first, as libraries and compilers do some work once.
_EAGER_CALLS = 3


class Replay:
    """Calls one function again and again; its tensors must stay at the same addresses.

    A step of a small model is two hundred kernels of some microseconds, and launching them from
    Python takes longer than they do. On a GPU the function is therefore recorded at its fourth
    call, and from then on the recording runs. It must exchange nothing with the host.

    The function is handed over at each call and not kept: it is a method of the object that holds
    this one, and with a cycle of references the memory of a pack would outlive the pack.

    Parameters
    ----------
    recorded : bool
        Whether to record it, which needs a GPU.

    Examples
    --------
    >>> x = torch.zeros(())
    >>> replay = Replay(recorded=False)
    >>> for _ in range(5):
    ...     replay(lambda: x.add_(1))
    >>> float(x)
    5.0
    """

    def __init__(self, *, recorded: bool) -> None:
        self._recorded = recorded
        self._calls = 0
        self._graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, function: Callable[[], object]) -> None:
        """Do it once; the function takes nothing, and what it returns is dropped."""
        if not self._recorded:
            function()
            return
        if self._calls == _EAGER_CALLS:
            self._graph = torch.cuda.CUDAGraph()
            # Recording runs nothing.
            with torch.cuda.graph(self._graph):
                function()
        self._calls += 1
        if self._graph is not None:
            self._graph.replay()
            return
        # Not on the default stream, whose memory a recording could not use. (PyTorch has left the
        # constructor without types.)
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            function()
        torch.cuda.current_stream().wait_stream(stream)
