"""The command line of the datasets."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from datasets import DATASETS, from_arrays, load
from datasets.__main__ import main
from datasets._sheet import save_sheet, traversal
from datasets.ball import Ball


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_sheet(name, tmp_path, options_of, capsys):
    out = tmp_path / "sheet.png"
    given = options_of(name)
    extra = ["--path", given["path"]] if "path" in given else []
    extra += ["--option", f"picture={given['picture']}"] if "picture" in given else []
    assert main(["sheet", name, "--out", str(out), *extra]) == 0
    assert capsys.readouterr().out.strip() == str(out)
    with Image.open(out) as picture:
        assert picture.width > 1000
        assert np.ptp(np.asarray(picture.convert("L"))) > 200


def test_sheet_with_options(tmp_path):
    out = tmp_path / "sheet.png"
    options = ["--option", "shape=disc", "--option", "radius=6.5", "--option", "grid_size=8"]
    assert main(["sheet", "ball", "--out", str(out), *options]) == 0
    assert out.stat().st_size > 1000


def test_traversal_changes_one_factor():
    data = load("dsprites")
    for k in range(5):
        factors = data.factors(traversal(data, k))
        assert (np.ptp(factors, axis=0) > 0).tolist() == [j == k for j in range(5)]
        assert factors[0, k] == 0
        assert factors[-1, k] == data.factor_sizes[k] - 1


def test_sheet_of_an_incomplete_grid(tmp_path):
    data = from_arrays(np.eye(8)[[0, 1, 2]].reshape(3, 1, 8), [[0, 0], [1, 1], [1, 2]])
    assert traversal(data, 1).tolist() == [1, 2]
    save_sheet(data, tmp_path / "sheet.svg")
    assert (tmp_path / "sheet.svg").read_text().startswith("<?xml")


def test_list(capsys):
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    assert all(f"\n{name}: " in f"\n{out}" for name in DATASETS)
    assert "grid_size = 32" in out


def test_draw(capsys):
    assert main(["draw", "dsprites"]) == 0
    assert load("dsprites").fingerprint in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sheet", "nothing", "--out", "x.png"], "unknown dataset 'nothing'"),
        (["sheet", "ball", "--out", "x.png", "--option", "size"], "KEY=VALUE"),
        (["sheet", "ball", "--out", "x.png", "--option", "size=3"], "no option 'size'"),
        (["compare", "absent.npz"], "no official dSprites file at absent.npz"),
    ],
)
def test_bad_input(arguments, message, capsys):
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


def test_a_sheet_of_correlated_factors_has_images_as_training_draws_them(tmp_path, monkeypatch):
    asked = []
    images = Ball.images
    monkeypatch.setattr(Ball, "images", lambda self, i: (asked.append(i), images(self, i))[1])
    option = 'correlated={"pairs": [["position_x", "position_y"]], "strength": 0.01}'
    out = tmp_path / "sheet.svg"
    assert main(["sheet", "ball", "--out", str(out), "--option", option]) == 0
    x, y = load("ball").factors(np.concatenate(asked[:2])).T
    assert np.abs(x - y).max() <= 2
    assert len(set(x)) > 8
