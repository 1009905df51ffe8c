"""Speed of training on this machine: python -m benchmarks.train.

Compares whole machines, not calls: so many processes train at once for some seconds, and their
steps are added up. Arrangements take turns (A B A B), because a shared machine changes its speed by
the minute; what is quoted is the ratio within a round. The other side is the usual way to write
this model in PyTorch: a Dataset that transforms one image at a time, a DataLoader, nn.Sequential,
eager float32, in its faster arrangement of processes and threads.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import time
from contextlib import suppress
from itertools import product
from multiprocessing.synchronize import Barrier
from typing import Any

from bench.engines.cpus import usable_cpus

WARM_STEPS = 5
CORES = usable_cpus()


class Enough(BaseException):
    """The time to measure is over."""


class Clock:
    """Called after every step: warms up, waits for the other processes, then counts."""

    def __init__(self, seconds: float, barrier: Barrier) -> None:
        self._seconds, self._barrier = seconds, barrier
        self._steps = -WARM_STEPS
        self._started = 0.0
        self.rate = 0.0

    def __call__(self, *told: Any) -> None:
        self._steps += 1
        if self._steps == 0:
            self._barrier.wait()
            self._started = time.perf_counter()
        elif self._steps > 0:
            elapsed = time.perf_counter() - self._started
            self.rate = self._steps / elapsed
            if elapsed > self._seconds:
                raise Enough


def textbook(clock: Clock, batch_size: int) -> None:
    """Train β-VAE as tutorials do."""
    import numpy as np
    import torch

    from datasets import load

    from .textbook import Textbook

    class Images(torch.utils.data.Dataset[torch.Tensor]):
        def __init__(self) -> None:
            self.data = load("dsprites")

        def __len__(self) -> int:
            return len(self.data)

        def __getitem__(self, index: int) -> torch.Tensor:
            return torch.from_numpy(self.data.images([index])[0].astype(np.float32) / 255)

    model, images = Textbook(), Images()
    while True:
        for x in torch.utils.data.DataLoader(images, batch_size, shuffle=True, drop_last=True):
            model.step(x).item()
            clock()


def ours(clock: Clock, batch_size: int, precision: Any, pack_size: int) -> None:
    """Train β-VAE as `bench` does."""
    from bench.grid.packs import Execution, Pack
    from bench.grid.specs import BetaVAESpec, DatasetSpec
    from bench.training.context import Context
    from bench.training.process import keep_freed_memory
    from bench.training.train import train
    from datasets import load

    keep_freed_memory()
    specs = tuple(
        BetaVAESpec(
            kind="beta_vae",
            dataset=DatasetSpec(name="dsprites"),
            seed=seed,
            beta=4.0,
            batch_size=batch_size,
            steps=10**9,
        )
        for seed in range(pack_size)
    )
    list(train(Pack(specs, Execution("cpu", precision)), load("dsprites"), Context(clock)))


def peak(clock: Clock, precision: str) -> None:
    """Multiply matrices of 1,024: what the machine can do."""
    import torch

    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    a, b = torch.randn(1024, 1024).to(dtype), torch.randn(1024, 1024).to(dtype)
    c = torch.empty(1024, 1024, dtype=dtype)
    while True:
        torch.mm(a, b, out=c)
        clock()


def _measure(
    work: str, arguments: tuple[Any, ...], threads: int, seconds: float, barrier: Barrier, out: Any
) -> None:
    import torch

    torch.set_num_threads(threads)
    clock = Clock(seconds, barrier)
    with suppress(Enough):
        globals()[work](clock, *arguments)
    out.put(clock.rate)


def rate(
    work: str, arguments: tuple[Any, ...], processes: int, threads: int, seconds: float
) -> float:
    """Return the steps a second of so many processes together."""
    context = multiprocessing.get_context("spawn")
    barrier, out = context.Barrier(processes), context.SimpleQueue()
    started = [
        context.Process(
            target=_measure, args=(work, arguments, threads, seconds, barrier, out), daemon=True
        )
        for _ in range(processes)
    ]
    for process in started:
        process.start()
    for process in started:
        process.join()
        if process.exitcode:
            raise SystemExit(f"{work}{arguments} ended with exit code {process.exitcode}")
    return float(sum(out.get() for _ in started))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--batch", type=int, nargs="*", default=[64])
    parser.add_argument("--pack", type=int, nargs="*", default=[1])
    parser.add_argument("--workers", type=int, nargs="*", default=[CORES])
    options = parser.parse_args()
    for batch in options.batch:
        arrangements: dict[str, tuple[str, tuple[Any, ...], int, int]] = {
            f"textbook, 1 × {CORES} threads": ("textbook", (batch,), 1, CORES),
            f"textbook, {CORES} × 1 thread": ("textbook", (batch,), CORES, 1),
        }
        models = {}
        for precision in ("float32", "bfloat16"):
            for pack, workers in product(options.pack, options.workers):
                name = f"{precision}, pack {pack}, {workers} × 1 thread"
                arrangements[name] = ("ours", (batch, precision, pack), workers, 1)
                models[name] = (precision, pack)
        for precision in ("float32", "bfloat16"):
            arrangements[f"peak {precision}"] = ("peak", (precision,), CORES, 1)
        rates: dict[str, list[float]] = {name: [] for name in arrangements}
        for _ in range(options.rounds):
            for name, (work, arguments, processes, threads) in arrangements.items():
                rates[name].append(rate(work, arguments, processes, threads, options.seconds))
        _print(batch, rates, models)


def _print(batch: int, rates: dict[str, list[float]], models: dict[str, tuple[str, int]]) -> None:
    # A step of one model, forward and backward: 75 MFLOP an image.
    step_flop = 75e6 * batch
    books = [name for name in rates if name.startswith("textbook")]
    best = [max(pair) for pair in zip(*(rates[name] for name in books), strict=True)]
    print(f"\nbatch {batch}: model-steps/s of the whole machine, {len(best)} rounds\n")
    print("| arrangement | median | ratio min | median | max | of matrix peak |")
    print("|---|---|---|---|---|---|")
    for name in books:
        print(f"| {name} | {statistics.median(rates[name]):.1f} | | | | |")
    for name, (precision, pack) in models.items():
        steps = [pack * value for value in rates[name]]
        ratios = sorted(a / b for a, b in zip(steps, best, strict=True))
        peaks = [2 * 1024**3 * value for value in rates[f"peak {precision}"]]
        share = statistics.median(step_flop * a / b for a, b in zip(steps, peaks, strict=True))
        print(
            f"| {name} | {statistics.median(steps):.1f} | {ratios[0]:.2f} | "
            f"{statistics.median(ratios):.2f} | {ratios[-1]:.2f} | {share:.0%} |"
        )


if __name__ == "__main__":
    main()
