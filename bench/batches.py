"""Training batches: which images each member of a pack sees at a step, on the device that trains.

A set of binary images is kept as packed bits; on a card all of it (377 MB for dSprites) lies in the
card's memory, where a batch is gathered and unpacked without a word to the host.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .specs import TrainedSpec
from .streams import NOISE_BLOCK, BatchOrder, Noise

if TYPE_CHECKING:
    from ._siblings import datasets


class Images:
    """The images of a dataset by their indices, as float32 in [0, 1].

    Parameters
    ----------
    dataset : FactorDataset
        The images.
    device : str
        Where they are wanted.
    resident : bool, optional
        Whether packed bits are kept on the device and unpacked there; by default on a card only,
        as on the host a gather by numpy from the shared memory map is as fast and copies nothing.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from bench.batches import Images
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
        if device != "cpu" if resident is None else resident:
            bits = dataset.packed_bits()
            if bits is not None:
                # A copy: the memory map is read-only, which torch's tensors cannot be.
                self._bits = torch.from_numpy(np.array(bits)).to(device)
                # As numpy packs them: the first pixel is the highest bit.
                self._shifts = torch.arange(7, -1, -1, dtype=torch.uint8, device=device)

    @property
    def resident(self) -> bool:
        """Whether images are gathered on the device."""
        return self._bits is not None

    def __call__(self, indices: np.ndarray | Tensor) -> Tensor:
        """Return the images at `indices`, (n, C, H, W)."""
        if self._bits is None:
            pixels = torch.from_numpy(self.dataset.images(np.asarray(indices)))
            return pixels.to(self._device).float().div_(255)
        rows = self._bits[torch.as_tensor(indices, device=self._device)]
        bits = (rows[..., None] >> self._shifts) & 1
        return bits.flatten(1)[:, : math.prod(self.shape)].view(-1, *self.shape).float()


class Batches:
    """The images and the noise of every step of a pack.

    What comes at a step depends on the members' seeds and the step alone (see `streams`), so that a
    run may be resumed at any step. Indices and noise are drawn on the host for many steps at a time
    and lie on the device when their step comes.
    """

    def __init__(
        self,
        specs: Sequence[TrainedSpec],
        images: Images,
        n_images: int,
        device: str,
        n_latents: int,
    ) -> None:
        self._images = images
        self._device = device
        self._shape = (len(specs), specs[0].batch_size, *images.shape)
        self._orders = [BatchOrder(s.seed, n_images, s.batch_size) for s in specs]
        self._noises = [Noise(s.seed, (s.batch_size, n_latents)) for s in specs]
        self._block = -1

    def __call__(self, step: int) -> tuple[Tensor, Tensor]:
        """Return (K, B, C, H, W) images and (K, B, D) standard normal noise."""
        block, row = divmod(step, NOISE_BLOCK)
        if block != self._block:
            self._fill(block)
        return self._images(self._indices[row]).view(self._shape), self._noise[row]

    def indices(self, step: int) -> NDArray[np.int64] | Tensor:
        """Return the (K · B,) indices of a step's images, members one after another."""
        block, row = divmod(step, NOISE_BLOCK)
        if block != self._block:
            self._fill(block)
        indices: NDArray[np.int64] | Tensor = self._indices[row]
        return indices

    def _fill(self, block: int) -> None:
        steps = range(block * NOISE_BLOCK, (block + 1) * NOISE_BLOCK)
        indices = np.stack(
            [np.concatenate([order(step) for order in self._orders]) for step in steps]
        )
        noise = np.stack([noise.block(block) for noise in self._noises], 1)
        self._noise = torch.from_numpy(noise).to(self._device)
        # Images that are gathered on the device are asked for there, others on the host.
        resident = self._images.resident
        self._indices = torch.from_numpy(indices).to(self._device) if resident else indices
        self._block = block
