"""How many threads linear algebra takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ._imports import imported


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep linear algebra on one thread inside the block.

    Many small products are slower with several: threads wait for one another after each product,
    and where other processes hold the cores, a metric takes five times as long.
    """
    with imported("threadpoolctl").threadpool_limits(limits=1, user_api="blas"):
        yield
