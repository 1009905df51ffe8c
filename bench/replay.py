"""A training step as one launch: recorded as a CUDA graph, then replayed."""

from __future__ import annotations

from collections.abc import Callable

import torch

# Steps that run as they are, so that libraries and compilers have done what they do once.
_EAGER_CALLS = 3


class Replay:
    """Calls a function that works on tensors which stay where they are.

    A step of a small model is two hundred kernels of some microseconds, and asking for them from
    Python takes longer than they do. On a card the function is therefore recorded at its fourth
    call, and from then on the recording runs. It must ask nothing of the host and tell it nothing.

    Parameters
    ----------
    function : callable
        What to do; takes and returns nothing.
    recorded : bool
        Whether to record it, which needs a card.

    Examples
    --------
    >>> x = torch.zeros(())
    >>> step = Replay(lambda: x.add_(1), recorded=False)
    >>> for _ in range(5):
    ...     step()
    >>> float(x)
    5.0
    """

    def __init__(self, function: Callable[[], object], *, recorded: bool) -> None:
        self._function = function
        self._recorded = recorded
        self._calls = 0
        self._graph: torch.cuda.CUDAGraph | None = None

    def __call__(self) -> None:
        """Do it once."""
        if not self._recorded:
            self._function()
            return
        if self._calls == _EAGER_CALLS:
            self._graph = torch.cuda.CUDAGraph()
            # Recording runs nothing.
            with torch.cuda.graph(self._graph):
                self._function()
        self._calls += 1
        if self._graph is not None:
            self._graph.replay()
            return
        # Not on the default stream, whose memory a recording could not use.
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            self._function()
        torch.cuda.current_stream().wait_stream(stream)
