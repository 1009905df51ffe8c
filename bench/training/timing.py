"""Estimate how long a grid will take, by timing a few steps of each kind of work here."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

from ..engines import run_tasks
from ..engines.local import Crashed
from ..engines.progress import progress
from ..errors import DisbenchError, named
from ..grid import Pack, TrainedSpec, VAESpec, second_network, short_name

log = logging.getLogger("disbench")
# The first steps warm caches and threads up, and on a GPU one of them is recorded.
WARM_STEPS, TIMED_STEPS = 5, 12
TIMED_IMAGES = 2_048


class TimingError(DisbenchError, RuntimeError):
    """A few steps of a grid cannot be made, so the whole could not either; the message says why."""


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
    """Return about how long training and encoding will take, and show how far the timing is.

    What costs the same is timed once: models of one shape, batch size and dataset.

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
    TimingError
        If a step cannot be made.
    """
    if packs and packs[0].execution.device == "cuda":
        # They take turns: one fills the GPU.
        workers = 1
    alike: dict[str, list[Pack]] = {}
    for pack in packs:
        if isinstance(pack.specs[0], TrainedSpec):
            alike.setdefault(_work(pack), []).append(pack)
    at_once = min(workers, len(packs))
    timed = [max(members, key=lambda pack: pack.steps) for members in alike.values()]
    names = [f"{short_name(pack.specs[0].dataset.name)} {pack.specs[0].kind}" for pack in timed]
    log.info("timing a few steps of %s", ", ".join(names))
    seconds: list[float] = []
    with progress("time", names, [1] * len(names)) as shown:
        for position, members in enumerate(alike.values()):
            costs = _measured(timed[position], at_once)
            seconds += [_seconds(pack, costs) for pack in members]
            shown.end(position, None)
    # Neither can the work be divided better than evenly, nor a pack be done by two.
    return max(sum(seconds) / workers, *seconds, 0.0)


def _work(pack: Pack) -> str:
    """Return what a step's time depends on: not on the seed or the objective, but its network.

    Of an own objective nobody knows.
    """
    spec = pack.specs[0]
    names = ("architecture", "likelihood", "n_latents", "batch_size", "channel", "objective")
    shape = [getattr(spec, name, None) for name in names]
    networks = (isinstance(spec, VAESpec), second_network(spec))
    return repr((spec.dataset, len(pack.specs), networks, shape, pack.execution))


def _seconds(pack: Pack, costs: Costs) -> float:
    spec = pack.specs[0]
    images = spec.evaluation.images
    if images == "all":
        images = len(spec.dataset.load(allow_imports=True))
    steps = spec.steps if isinstance(spec, TrainedSpec) else 0
    return steps * costs.step + images * costs.image


def _measured(pack: Pack, workers: int) -> Costs:
    """Time a pack in every worker at once; return the slowest."""
    answers = []
    try:
        for _, answer in run_tasks(
            time_pack, [pack] * workers, workers=workers, progress=lambda position, progress: None
        ):
            if isinstance(answer, Crashed):
                raise _error(pack, str(answer))
            answers.append(answer)
    except DisbenchError:
        raise
    except Exception as error:  # of the dataset, or of torch
        raise _error(pack, named(error)) from error
    return Costs(max(cost.step for cost in answers), max(cost.image for cost in answers))


def _error(pack: Pack, reason: str) -> TimingError:
    spec = pack.specs[0]
    return TimingError(f"cannot time a step of {spec.kind} on {spec.dataset.name}: {reason}")


def time_pack(pack: Pack, report: Callable[..., None]) -> Costs:
    """Time a few steps of a pack here, and the encoding of some images; no progress is reported."""
    try:
        return _costs(pack)
    except SystemExit as error:
        # Own code may exit, and would take the worker and its reason with it.
        raise _error(pack, named(error)) from error


def _costs(pack: Pack) -> Costs:
    import numpy as np
    import torch

    from .batches import Images
    from .process import prepare
    from .producers import FAMILIES
    from .train import Training

    prepare(pack.execution)
    dataset = pack.specs[0].dataset.load(allow_imports=True)
    images = Images(dataset, pack.execution.device)
    training = Training(pack, images, FAMILIES[pack.specs[0].kind](pack, images))
    indices = np.arange(min(TIMED_IMAGES, len(dataset)))

    def timed(work: Callable[[], object], times: int) -> float:
        started = time.perf_counter()
        for _ in range(times):
            work()
        if pack.execution.device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - started

    # A step after the last has no place in the history.
    steps = cast("TrainedSpec", pack.specs[0]).steps
    warm = min(WARM_STEPS, steps // 2)
    measured = min(TIMED_STEPS, steps - warm)
    timed(training.advance, warm)
    step = timed(training.advance, measured) / measured
    encoding = timed(lambda: training.family.codes(indices), 1)
    return Costs(step, encoding / len(indices))
