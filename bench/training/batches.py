"""Training batches: which images each member of a pack sees at a step, on the device that trains.

On a GPU the images lie in the GPU's memory, binary ones as packed bits (377 MB for dSprites),
where a batch is gathered and unpacked without the host.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..grid import Stream, TrainedSpec, generator

if TYPE_CHECKING:
    from .._siblings import datasets


# Images that are not binary are kept on a GPU as bytes, if they are no more than this: the ball's
# are, those of coloured dSprites are not.
RESIDENT_BYTES = 2**30
_PIECE_IMAGES = 4096
# Noise is drawn for so many steps at a time: a generator a step would cost as much as the noise.
NOISE_BLOCK = 128


class Images:
    """The images of a dataset by their indices, as float32 in [0, 1].

    Parameters
    ----------
    dataset : FactorDataset
        The images.
    device : str
        Where they are wanted.
    resident : bool, optional
        Whether they are kept on the device and gathered there, binary ones as packed bits; by
        default on a GPU only, and only if there is room. On the host a gather by numpy from the
        shared memory map is as fast and copies nothing.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from bench.training.batches import Images
    >>> from datasets import load
    >>> disc = load("ball", shape="disc")
    >>> on_device, on_host = (Images(disc, "cpu", resident=r) for r in (True, False))
    >>> torch.equal(on_device(np.arange(5)), on_host(np.arange(5)))
    True
    """

    def __init__(
        self, dataset: datasets.FactorDataset, device: str, resident: bool | None = None
    ) -> None:
        self.shape = dataset.image_shape
        self.dataset = dataset
        self._device = device
        self._bits: Tensor | None = None
        self._bytes: Tensor | None = None
        if device != "cpu" if resident is None else resident:
            bits = dataset.packed_bits()
            if bits is not None:
                # A copy: the memory map is read-only, which torch's tensors cannot be.
                self._bits = torch.from_numpy(np.array(bits)).to(device)
                # As numpy packs them: the first pixel is the highest bit.
                self._shifts = torch.arange(7, -1, -1, dtype=torch.uint8, device=device)
            elif len(dataset) * math.prod(self.shape) <= RESIDENT_BYTES:
                # Piece by piece: the host holds no second copy of the whole.
                shape = (len(dataset), *self.shape)
                self._bytes = torch.empty(shape, dtype=torch.uint8, device=device)
                for start in range(0, len(dataset), _PIECE_IMAGES):
                    rows = np.arange(start, min(start + _PIECE_IMAGES, len(dataset)))
                    self._bytes[rows[0] : rows[-1] + 1] = torch.from_numpy(dataset.images(rows)).to(
                        device
                    )

    @property
    def resident(self) -> bool:
        """Whether images are gathered on the device."""
        return self._bits is not None or self._bytes is not None

    def __call__(self, indices: NDArray[np.int64] | Tensor) -> Tensor:
        """Return the images at `indices`, (n, C, H, W)."""
        if self._bits is not None:
            rows = self._bits[torch.as_tensor(indices, device=self._device)]
            bits = (rows[..., None] >> self._shifts) & 1
            return bits.flatten(1)[:, : math.prod(self.shape)].view(-1, *self.shape).float()
        if self._bytes is not None:
            pixels = self._bytes[torch.as_tensor(indices, device=self._device)]
        else:
            pixels = torch.from_numpy(self.dataset.images(np.asarray(indices))).to(self._device)
        return pixels.float().div_(255)


class Batches:
    """The images and the noise of every step of a pack.

    What comes at a step depends on the members' seeds and the step alone (see `streams`), so that a
    run may be resumed at any step. Indices and noise are drawn on the host for many steps at a
    time, once for all members of a seed; on a GPU by a thread, while the GPU is busy with those
    before. `prepare` brings them to the device, and a step takes them there without the host.
    With `fresh`, a step has further random numbers, for the objectives that need some.
    """

    def __init__(
        self,
        specs: Sequence[TrainedSpec],
        images: Images,
        n_images: int,
        device: str,
        n_latents: int,
        *,
        fresh: bool = False,
    ) -> None:
        self._images = images
        seeds = list(dict.fromkeys(spec.seed for spec in specs))
        batch = specs[0].batch_size
        ends = weight_ends(images.dataset)
        self._orders = [BatchOrder(seed, n_images, batch, ends) for seed in seeds]
        streams: tuple[Stream, ...] = ("noise", "objective") if fresh else ("noise",)
        self._noises = [
            [Noise(seed, (batch, n_latents), stream) for stream in streams] for seed in seeds
        ]
        self._drawn: NDArray[np.int64] = np.empty(0, np.int64)
        self._block = -1
        self._ahead: Future[tuple[NDArray[np.int64], NDArray[np.float32]]] | None = None
        self._thread = ThreadPoolExecutor(1) if device != "cpu" else None
        # These stay where they are: a recorded step knows tensors by their place.
        shape = (NOISE_BLOCK, len(seeds), batch)
        self._indices = torch.zeros(shape, dtype=torch.int64, device=device)
        self._noise = torch.zeros(
            (NOISE_BLOCK, len(seeds), len(streams), *shape[2:], n_latents), device=device
        )
        self._pixels = None
        if not images.resident:
            self._pixels = torch.zeros((len(seeds), batch, *images.shape), device=device)
        self._of_member: Tensor | None = None
        if len(seeds) > 1:
            owners = [seeds.index(spec.seed) for spec in specs]
            self._of_member = torch.tensor(owners, device=device)
        self._pack = len(specs)

    def prepare(self, step: int) -> None:
        """Bring what a step needs to the device."""
        block, row = divmod(step, NOISE_BLOCK)
        if block != self._block:
            drawn = self._ahead.result() if self._ahead is not None else None
            # After a jump, as a checkpoint makes one, what was drawn ahead is of no use.
            self._drawn, noise = drawn if drawn and block == self._block + 1 else self._draw(block)
            self._indices.copy_(torch.from_numpy(self._drawn))
            self._noise.copy_(torch.from_numpy(noise))
            self._block = block
            if self._thread is not None:
                self._ahead = self._thread.submit(self._draw, block + 1)
        if self._pixels is not None:
            pixels = self._images(self._drawn[row].ravel())
            self._pixels.copy_(pixels.view_as(self._pixels))

    def __call__(self, step: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return a prepared step's images, their indices in the dataset, and its noise.

        Parameters
        ----------
        step : Tensor
            () int64.

        Returns
        -------
        Tensor, Tensor, Tensor
            (K, B, C, H, W), (K, B) int64 and (K, B, D).
        """
        own, noise = self._row(self._indices, step), self._row(self._noise, step)[:, 0]
        pixels = self._pixels
        if pixels is None:
            pixels = self._images(own.flatten()).view(*own.shape, *self._images.shape)
        return self._members(pixels), self._members(own), self._members(noise)

    def fresh(self, step: Tensor) -> Tensor | None:
        """Return further standard normal numbers of a prepared step, (K, B, D), None without."""
        if self._noise.shape[2] == 1:
            return None
        return self._members(self._row(self._noise, step)[:, 1])

    def _row(self, block: Tensor, step: Tensor) -> Tensor:
        return block.index_select(0, (step % NOISE_BLOCK).view(1))[0]

    def _members(self, of_seeds: Tensor) -> Tensor:
        """Return for every member the row of its seed."""
        if self._of_member is None:
            return of_seeds.expand(self._pack, *of_seeds.shape[1:])
        return of_seeds[self._of_member]

    def _draw(self, block: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Draw indices (steps, seeds, B) and noise (steps, seeds, streams, B, D) of some steps."""
        steps = range(block * NOISE_BLOCK, (block + 1) * NOISE_BLOCK)
        indices = np.stack([[order(step) for order in self._orders] for step in steps])
        noise = [np.stack([noise.block(block) for noise in own], 1) for own in self._noises]
        return indices, np.stack(noise, 1)


def weight_ends(dataset: datasets.FactorDataset) -> NDArray[np.float64] | None:
    """Return where each image's share of (0, total weight] ends; None where all are equally likely.

    Raises
    ------
    ValueError
        No image has a weight above 0.
    """
    weights = dataset.training_weights()
    if weights is None:
        return None
    ends: NDArray[np.float64] = np.cumsum(weights)
    if not ends[-1] > 0:
        raise ValueError(
            f"{dataset.name}: with this correlation no image is ever drawn; raise its strength"
        )
    return ends


def weighted_draw(
    ends: NDArray[np.float64], source: np.random.Generator, n: int
) -> NDArray[np.int64]:
    """Return `n` indices drawn with replacement by weights, of which `weight_ends` are given."""
    places = source.random(n) * ends[-1]
    # The last image of a weight: rounding may give the very end.
    last = np.searchsorted(ends, ends[-1])
    drawn: NDArray[np.int64] = np.minimum(np.searchsorted(ends, places, side="right"), last)
    return drawn


class BatchOrder:
    """The images of every step: without replacement within an epoch, its last part batch left out.

    Where images have weights, each step draws by them, with replacement.

    Parameters
    ----------
    seed : int
        Seed of the run.
    n_images : int
        Size of the dataset.
    batch_size : int
        Images a step; at most `n_images`.
    ends : ndarray, optional
        The `weight_ends` of images that are not equally likely.
    """

    def __init__(
        self,
        seed: int,
        n_images: int,
        batch_size: int,
        ends: NDArray[np.float64] | None = None,
    ) -> None:
        self._seed = seed
        self._n_images = n_images
        self._batch_size = batch_size
        self._ends = ends
        self._epoch = -1
        self._order: NDArray[np.int64] = np.empty(0, np.int64)

    def __call__(self, step: int) -> NDArray[np.int64]:
        """Return the (batch_size,) indices of `step`, counted from 0."""
        if self._ends is not None:
            return weighted_draw(self._ends, generator(self._seed, "order", step), self._batch_size)
        epoch, batch = divmod(step, self._n_images // self._batch_size)
        if epoch != self._epoch:
            self._order = generator(self._seed, "order", epoch).permutation(self._n_images)
            self._epoch = epoch
        return self._order[batch * self._batch_size : (batch + 1) * self._batch_size]


class Noise:
    """The standard normal numbers of every step, a block of `NOISE_BLOCK` steps at a time."""

    def __init__(self, seed: int, shape: tuple[int, ...], stream: Stream = "noise") -> None:
        self._seed = seed
        self._shape = shape
        self._stream = stream

    def block(self, block: int) -> NDArray[np.float32]:
        """Return the float32 numbers of a block's steps, (NOISE_BLOCK, *shape)."""
        source = generator(self._seed, self._stream, block)
        return source.standard_normal((NOISE_BLOCK, *self._shape), dtype=np.float32)
