"""Speed of training and encoding on a GPU: python -m benchmarks.gpu.

The other side is an eager float32 loop of one model on the same GPU, with the images already
there and nothing read back: what a careful user writes. Arrangements take turns (A B A B); what is
quoted is the ratio within a round. All on dSprites, the paper's architecture, batches of 64.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from bench.grid.packs import Execution, Pack
from bench.grid.specs import BetaVAESpec, DatasetSpec
from bench.training.batches import Images
from bench.training.family import VAEFamily
from bench.training.process import set_products
from bench.training.train import Training
from datasets import load

from .textbook import Textbook

PRECISIONS = ("float32", "tf32", "bfloat16")
WARM_STEPS, CHUNK_STEPS = 16, 64
# A step of one model, forward and backward, of one image.
IMAGE_FLOP = 75e6


def steps_per_second(step: Callable[[], object], seconds: float) -> float:
    """Return how often a step is taken a second, with nothing in flight at either end."""
    for _ in range(WARM_STEPS):
        step()
    torch.cuda.synchronize()
    started, done = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        for _ in range(CHUNK_STEPS):
            step()
        done += CHUNK_STEPS
        torch.cuda.synchronize()
    return done / (time.perf_counter() - started)


def textbook(images: Images, batch: int) -> Callable[[], object]:
    """Return the step of the eager loop."""
    model, count = Textbook("cuda"), len(images.dataset)
    return lambda: model.step(images(torch.randint(count, (batch,), device="cuda")))


def pack(size: int, precision: Any, batch: int) -> Pack:
    """Return a pack of β-VAEs that differ in seed."""
    common: dict[str, Any] = {"kind": "beta_vae", "beta": 4.0, "steps": 10**6, "batch_size": batch}
    data = DatasetSpec(name="dsprites")
    specs = [BetaVAESpec(**common, dataset=data, seed=seed) for seed in range(size)]
    return Pack(tuple(specs), Execution("cuda", precision))


def begin(pack: Pack, images: Images) -> Training:
    """Return a pack of VAEs in training."""
    return Training(pack, images, VAEFamily(pack, images))


def matrix_peak(precision: str) -> float:
    """Return the products' rate of 8,192 × 8,192 matrices, FLOP/s."""
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    a, b = (torch.randn(8192, 8192, device="cuda", dtype=dtype) for _ in range(2))
    out = torch.empty_like(a)
    return 2 * 8192**3 * steps_per_second(lambda: torch.mm(a, b, out=out), 0.3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--pack", type=int, nargs="*", default=[1, 8, 32, 64, 128])
    parser.add_argument("--precision", nargs="*", choices=PRECISIONS, default=list(PRECISIONS))
    options = parser.parse_args()
    dataset = load("dsprites")
    images = Images(dataset, "cuda")
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, batch {options.batch}")
    base: list[float] = []
    rates: dict[tuple[str, int], list[float]] = {}
    peaks: dict[str, list[float]] = {}
    memory: dict[tuple[str, int], float] = {}
    for _ in range(options.rounds):
        set_products(Execution("cuda"))
        base.append(steps_per_second(textbook(images, options.batch), options.seconds))
        for precision in options.precision:
            set_products(Execution("cuda", precision))
            peaks.setdefault(precision, []).append(matrix_peak(precision))
            for size in options.pack:
                torch.cuda.empty_cache()
                torch.cuda.reset_peak_memory_stats()
                training = begin(pack(size, precision, options.batch), images)
                found = size * steps_per_second(training.advance, options.seconds)
                rates.setdefault((precision, size), []).append(found)
                memory[precision, size] = torch.cuda.max_memory_allocated() / 2**30
                del training
    print("\n| arrangement | model-steps/s | ratio min | median | max | of matrix peak | GiB |")
    print("|---|---|---|---|---|---|---|")
    print(f"| eager float32, one model | {statistics.median(base):.0f} | | | | | |")
    for (precision, size), found in rates.items():
        ratios = sorted(a / b for a, b in zip(found, base, strict=True))
        shares = [
            IMAGE_FLOP * options.batch * a / b for a, b in zip(found, peaks[precision], strict=True)
        ]
        print(
            f"| {precision}, pack {size} | {statistics.median(found):.0f} | {ratios[0]:.1f} | "
            f"{statistics.median(ratios):.1f} | {ratios[-1]:.1f} | "
            f"{statistics.median(shares):.0%} | {memory[precision, size]:.1f} |",
            flush=True,
        )
    print("\n| all 737,280 images encoded | seconds | a model |\n|---|---|---|")
    everything = np.arange(len(dataset))
    for precision in options.precision:
        set_products(Execution("cuda", precision))
        for size in (1, 16):
            family = VAEFamily(pack(size, precision, options.batch), images)
            family.codes(everything[:1000])
            started = time.perf_counter()
            family.codes(everything)
            taken = time.perf_counter() - started
            print(f"| {precision}, pack {size} | {taken:.1f} | {taken / size:.2f} |", flush=True)


if __name__ == "__main__":
    main()
