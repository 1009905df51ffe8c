"""A dataset of images and factors for training loops of PyTorch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from .._siblings import datasets


class TorchDataset(Dataset[tuple[Tensor, Tensor]]):
    """Images in [0, 1] with their factors, as tensors.

    Parameters
    ----------
    data : FactorDataset
        The images and factors.
    """

    def __init__(self, data: datasets.FactorDataset) -> None:
        self.data = data

    def __repr__(self) -> str:
        """Return what the images are of."""
        return f"torch_dataset({self.data!r})"

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Return an image, (C, H, W) float32 in [0, 1], and its factors, (n_factors,) int64."""
        image, factors = self.data[index]
        return _in_unit_range(image), torch.from_numpy(factors)

    def __getitems__(self, indices: Sequence[int]) -> list[tuple[Tensor, Tensor]]:
        """Return what `__getitem__` does of each index; a `DataLoader` asks for a batch at once.

        Drawn or read together, images take a fraction of the time.
        """
        numbers = np.asarray(indices, np.int64)
        images = _in_unit_range(self.data.images(numbers))
        factors = torch.from_numpy(self.data.factors(numbers))
        return list(zip(images.unbind(), factors.unbind(), strict=True))


def torch_dataset(data: datasets.FactorDataset) -> TorchDataset:
    """Return a dataset for PyTorch's `DataLoader`.

    Parameters
    ----------
    data : FactorDataset
        What `datasets.load`, `from_arrays` or `from_file` returns.

    Returns
    -------
    TorchDataset
        A map-style `torch.utils.data.Dataset` of pairs: an image, (C, H, W) float32 in [0, 1], and
        its factors, (n_factors,) int64 class indices. Samplers and worker processes, forked or
        spawned, can be used with it; each process draws or reads images by itself.

    Raises
    ------
    TypeError
        If it is no such dataset.

    Examples
    --------
    >>> from datasets import load
    >>> from torch.utils.data import DataLoader
    >>> loader = DataLoader(torch_dataset(load("ball")), batch_size=64, shuffle=True)
    >>> images, factors = next(iter(loader))
    >>> images.shape, factors.shape
    (torch.Size([64, 1, 64, 64]), torch.Size([64, 2]))
    """
    if not isinstance(data, datasets.FactorDataset):
        raise TypeError(
            f"torch_dataset takes a dataset of this suite, not {type(data).__name__}: "
            "load(name), from_arrays(images, factors) or from_file(path) of datasets makes one"
        )
    return TorchDataset(data)


def _in_unit_range(images: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(images).float().div_(255)
