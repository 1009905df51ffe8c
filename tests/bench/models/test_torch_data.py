"""Datasets for training loops of PyTorch: the same images and factors, whoever loads them."""

import pickle
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Subset, WeightedRandomSampler, random_split

import datasets
from bench import torch_dataset

BALL = {"name": "ball", "image_size": 16, "shape": "disc", "radius": 3, "grid_size": 8}
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def ball():
    return datasets.load(**BALL)


def _expected(data, indices):
    images = data.images(indices).astype(np.float32) / np.float32(255)
    return torch.from_numpy(images), torch.from_numpy(data.factors(indices))


def _assert_same(found, expected):
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype
        assert torch.equal(one, other)


def test_items_and_batches_are_the_datasets_images_in_unit_range(ball):
    data = torch_dataset(ball)
    assert len(data) == 64
    image, factors = data[-1]
    _assert_same((image[None], factors[None]), _expected(ball, [63]))
    assert (image.min(), image.max()) == (0, 1)
    chosen = [5, 0, 63, 5]
    several = data.__getitems__(chosen)
    _assert_same(
        (torch.stack(part) for part in zip(*several, strict=True)), _expected(ball, chosen)
    )
    assert len(list(data)) == 64
    with pytest.raises(IndexError, match="index 64 is outside"):
        data[64]


def test_a_loader_asks_for_whole_batches(ball, monkeypatch):
    asked = []
    images = ball.images
    monkeypatch.setattr(
        ball, "images", lambda indices: asked.append(len(indices)) or images(indices)
    )
    loader = DataLoader(torch_dataset(ball), batch_size=24)
    _assert_same(map(torch.cat, zip(*loader, strict=True)), _expected(ball, np.arange(64)))
    assert asked[:3] == [24, 24, 16]


@pytest.mark.parametrize(
    ("kind", "context", "workers"),
    [
        ("drawn", "fork", 2),
        ("npz", "fork", 2),
        ("h5", "fork", 2),
        # A spawned worker imports torch anew.
        pytest.param("h5", "spawn", 1, marks=pytest.mark.slow),
    ],
)
# Forking while threads are there is the loader's own choice.
@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
def test_workers_load_the_same(ball, tmp_path, kind, context, workers):
    data = ball
    if kind != "drawn":
        path = tmp_path / f"ball.{kind}"
        everything = np.arange(len(ball))
        arrays = {"images": ball.images(everything), "factors": ball.factors(everything)}
        if kind == "npz":
            np.savez_compressed(path, **arrays)
        else:
            with h5py.File(path, "w") as file:
                for name, array in arrays.items():
                    file.create_dataset(name, data=array, chunks=True, compression="gzip")
        data = datasets.from_file(path)
    # Open before the workers are there.
    data.images([0])
    loader = DataLoader(
        torch_dataset(data), batch_size=8, num_workers=workers, multiprocessing_context=context
    )
    _assert_same(map(torch.cat, zip(*loader, strict=True)), _expected(ball, np.arange(64)))


def test_samplers_and_subsets(ball):
    correlated = datasets.load(
        **BALL, correlated={"pairs": [["position_x", "position_y"]], "strength": 0.05}
    )
    weights = torch.from_numpy(correlated.training_weights())
    sampler = WeightedRandomSampler(weights, 1000, generator=torch.Generator().manual_seed(0))
    loader = DataLoader(torch_dataset(correlated), batch_size=100, sampler=sampler)
    drawn = torch.cat([factors for _, factors in loader])
    assert len(drawn) == 1000
    # At such a strength the factors are all but equal; drawn evenly, 1 in 8 would be.
    assert (drawn[:, 0] == drawn[:, 1]).float().mean() > 0.9
    train, test = random_split(
        torch_dataset(ball), [0.75, 0.25], generator=torch.Generator().manual_seed(0)
    )
    seen = torch.cat([factors for part in (train, test) for _, factors in DataLoader(part)])
    assert sorted(ball.index(seen.numpy())) == list(range(64))
    _assert_same(next(iter(DataLoader(Subset(train.dataset, [7])))), _expected(ball, [7]))


def test_a_pickle_carries_no_images(ball):
    text = pickle.dumps(torch_dataset(ball))
    assert len(text) < 20_000
    _assert_same(pickle.loads(text)[3], torch_dataset(ball)[3])


@pytest.mark.parametrize("other", ["dsprites", np.zeros((3, 1, 8, 8)), None])
def test_what_is_no_dataset_is_refused_with_a_remedy(other):
    with pytest.raises(TypeError, match=rf"not {type(other).__name__}: load\(name\), from_arrays"):
        torch_dataset(other)


def test_items_of_a_dataset_load_no_torch():
    code = (
        "import sys; from datasets import load; data = load('ball'); next(iter(data)), data[0]; "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_it_says_what_it_is_of(ball):
    assert repr(torch_dataset(ball)) == f"torch_dataset({ball!r})"
