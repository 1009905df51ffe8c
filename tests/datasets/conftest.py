"""What the tests of the datasets share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datasets import DATASETS, FactorDataset, load

from .official_files import WRITERS, shrink

# One small example of each registered dataset; a new dataset must add its own.
EXAMPLES: dict[str, dict] = {
    "dsprites": {},
    "ball": {"grid_size": 9, "image_size": 48},
    "color_dsprites": {},
    "noisy_dsprites": {},
    "dsprites_without_shape": {},
    "scream_dsprites": {},
    "xy_squares": {},
    "xy_object": {},
    **{name: {} for name in WRITERS},
    "file": {},
}
# What is read from a file has no images without one.
FROM_FILES = {*WRITERS, "file", "scream_dsprites"}
VARIED: dict[str, list[dict]] = {
    "dsprites": [],
    "ball": [{"shape": "disc"}, {"radius": 3}, {"grid_size": 8}, {"margin": 15}],
    "color_dsprites": [
        {"n_colors": 4},
        {"random_color": True},
        {"random_color": True, "seed": 1},
        {"random_color": True, "low": 0},
    ],
    "noisy_dsprites": [{"strength": 0.5}, {"seed": 3}, {"channels": 1}],
    "dsprites_without_shape": [{"shape": "square"}, {"shape": "random"}],
    "scream_dsprites": [{"seed": 1}],
    "xy_squares": [{"spacing": 6}, {"spacing": 14}],
    "xy_object": [],
    **{name: [] for name in WRITERS},
    "smallnorb": [{"instance": "extra"}],
    "file": [
        {"images": "inverted"},
        {"factors": "turned"},
        {"factor_names": ["size", "hue"]},
        {"factor_bins": 2},
        {"without_factors": True},
    ],
}


@pytest.fixture
def own_file(tmp_path: Path) -> Path:
    rng = np.random.default_rng(5)
    images = rng.integers(0, 256, (12, 6, 7), dtype=np.uint8)
    factors = np.stack(np.unravel_index(np.arange(12), (3, 4)), axis=1)
    path = tmp_path / "own.npz"
    turned = factors[:, ::-1]
    np.savez(path, images=images, inverted=255 - images, factors=factors, turned=turned)
    return path


@pytest.fixture(scope="session")
def official_paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Small files in the layouts of the official ones, by their datasets."""
    return {name: write(tmp_path_factory.mktemp(name)) for name, write in WRITERS.items()}


@pytest.fixture
def small_official(
    official_paths: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> dict[str, Path]:
    """The same, taken for the official ones by the code."""
    shrink(monkeypatch.setattr, official_paths)
    return official_paths


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    y, x = np.mgrid[:300, :500]
    pixels = np.stack([y * 255 // 299, x * 255 // 499, (x * y) % 256], axis=2).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "picture.png")
    return tmp_path / "picture.png"


@pytest.fixture
def options_of(
    own_file: Path,
    picture: Path,
    small_official: dict[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
):
    files = {name: {"path": str(path)} for name, path in small_official.items()}
    files |= {"file": {"path": str(own_file)}, "scream_dsprites": {"picture": str(picture)}}

    def complete(name: str, extra: dict | None = None) -> dict:
        if name in WRITERS:  # what is converted has no place in anybody's cache
            cache = tmp_path_factory.getbasetemp() / "cache"
            monkeypatch.setenv("DISBENCH_CACHE", str(cache))
        return {**EXAMPLES[name], **files.get(name, {}), **(extra or {})}

    return complete


@pytest.fixture(params=sorted(DATASETS))
def data(request: pytest.FixtureRequest, options_of) -> FactorDataset:
    return load(request.param, **options_of(request.param))
