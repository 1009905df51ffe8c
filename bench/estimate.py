"""How long a grid will take: a few steps of each kind of work, timed on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .engines.local import Crashed, run_tasks
from .packs import Pack
from .specs import TrainedSpec

# The first steps warm caches and threads up, and on a card record themselves.
WARM_STEPS, TIMED_STEPS = 5, 12
TIMED_IMAGES = 2_048


@dataclass(frozen=True)
class Costs:
    """What work of one kind takes a worker, with as many at work as the grid would have.

    Attributes
    ----------
    step : float
        Seconds of a step of the pack.
    image : float
        Seconds to encode an image by every member.
    """

    step: float
    image: float


def estimate_seconds(packs: Sequence[Pack], workers: int) -> float:
    """Return about how long training and encoding will take.

    Parameters
    ----------
    packs : sequence of Pack
        What is to be made. Packs that train nothing are left out: they take seconds.
    workers : int
        Processes. The measurement has so many at work too, as they share caches and memory.

    Returns
    -------
    float
        Seconds; scoring and the report come on top.

    Raises
    ------
    RuntimeError
        If a worker died while it was timed.
    """
    if packs and packs[0].execution.device == "cuda":
        # They take turns: one fills the card.
        workers = 1
    families: dict[str, list[Pack]] = {}
    for pack in packs:
        if isinstance(pack.specs[0], TrainedSpec):
            families.setdefault(_family(pack), []).append(pack)
    total = 0.0
    longest = 0.0
    for members in families.values():
        costs = _measured(members[0], min(workers, len(packs)))
        seconds = [_seconds(pack, costs) for pack in members]
        total += sum(seconds)
        longest = max(longest, *seconds)
    # Neither can the work be divided better than evenly, nor a pack be done by two.
    return max(total / workers, longest)


def _family(pack: Pack) -> str:
    """Return what a step's time depends on."""
    spec = pack.specs[0]
    names = ("architecture", "likelihood", "n_latents", "batch_size")
    sizes = [getattr(spec, name, None) for name in names]
    return repr((spec.dataset, len(pack.specs), spec.kind, sizes))


def _seconds(pack: Pack, costs: Costs) -> float:
    spec = pack.specs[0]
    images = spec.evaluation.images
    if images == "all":
        from ._siblings import datasets

        images = len(datasets.load(spec.dataset.name, **spec.dataset.options))
    steps = spec.steps if isinstance(spec, TrainedSpec) else 0
    return steps * costs.step + images * costs.image


def _measured(pack: Pack, workers: int) -> Costs:
    """Time a pack in every worker at once; return the slowest."""
    answers = []
    tasks = [pack] * workers
    for _, answer in run_tasks(
        time_pack, tasks, workers=workers, progress=lambda position, told: None
    ):
        if isinstance(answer, Crashed):
            raise RuntimeError(f"cannot time a step: {answer}")
        answers.append(answer)
    return Costs(max(cost.step for cost in answers), max(cost.image for cost in answers))


def time_pack(pack: Pack, tell: Callable[..., None]) -> Costs:
    """Time a few steps of a pack here, and the encoding of some images; nothing is told."""
    import numpy as np
    import torch

    from ._siblings import datasets
    from .batches import Images
    from .memory import keep_freed_memory
    from .precision import set_products
    from .producers import TRAININGS

    torch.set_num_threads(pack.execution.threads)
    keep_freed_memory()
    set_products(pack.execution)
    reference = pack.specs[0].dataset
    dataset = datasets.load(reference.name, **reference.options)
    images = Images(dataset, pack.execution.device)
    training = TRAININGS[pack.specs[0].kind](pack, images, len(dataset))
    indices = np.arange(min(TIMED_IMAGES, len(dataset)))

    def timed(work: Callable[[], object], times: int) -> float:
        started = time.perf_counter()
        for _ in range(times):
            work()
        if pack.execution.device == "cuda":
            torch.cuda.synchronize()
        return (time.perf_counter() - started) / times

    timed(training.advance, WARM_STEPS)
    step = timed(training.advance, TIMED_STEPS)
    encoding = timed(lambda: training.codes(indices), 1)
    return Costs(step, encoding / len(indices))
