"""Scores of a callable that encodes images."""

import shutil
from typing import NamedTuple

import numpy as np
import pytest

import datasets
from bench import load_results, score
from bench.errors import CodesError, GridError
from bench.grid.specs import Evaluation
from bench.grid.streams import evaluation_indices
from bench.store.store import Store
from metrics import bin_factors, mig, modularity

FACTORS = np.indices((6, 8, 5)).reshape(3, -1).T


BALL = {"image_size": 16, "shape": "disc", "radius": 3, "grid_size": 8}


def _centre(images):
    """Encode a picture of a disc by where it is."""
    weights = images[:, 0] / images.sum((1, 2, 3))[:, None, None]
    axis = np.arange(images.shape[-1])
    x, y = (weights.sum(1) * axis).sum(1), (weights.sum(2) * axis).sum(1)
    return np.stack([x, y], 1) / 8 - 1, np.full((len(images), 2), -6.0)


def test_a_callable_is_scored_without_an_output_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ball = datasets.load("ball", **BALL)
    found = score(_centre, ball, metrics=["mig", "modularity"], batch_size=7)
    values = found.scores.set_index("metric")["value"]
    means, _ = _centre(ball.images(np.arange(64)))
    expected = mig(means.astype(np.float32), ball.factors(np.arange(64)))
    assert values["mig_histogram"] == pytest.approx(expected)
    assert values["mig_histogram"] > 0.9
    assert found.report is None
    assert [*tmp_path.iterdir()] == []
    details = found.details.set_index(["metric", "detail"]).sort_index()
    gaps = details.loc[("mig_histogram", "per_factor")]
    assert gaps["factor"].tolist() == [*ball.factor_names]
    assert gaps["value"].mean() == pytest.approx(values["mig_histogram"])
    assert details.loc[("modularity", "per_latent"), "latent"].tolist() == ["z0", "z1"]
    assert len(details.loc[("kl_per_dimension", "per_latent")]) == 2


def test_the_images_drawn_are_those_of_a_grid_and_repetitions_are_seeds():
    seen = []

    def keep(images):
        seen.append(images)
        return _centre(images)

    found = score([keep, _centre], "ball", metrics=["udr"], evaluation=40, seed=3, name="both")
    assert found.scores["seed"].drop_duplicates().tolist() == [0, 1]
    assert found.scores.set_index("metric").loc["udr", "value"].between(0, 1).all()
    assert set(found.scores["model"]) == {"both"}
    drawn = np.concatenate(seen)
    assert drawn.shape[0] == 40
    rows = evaluation_indices(Evaluation(images=40, seed=3), 32 * 32)
    np.testing.assert_array_equal(drawn, datasets.load("ball").images(rows))


def test_codes_stand_beside_the_runs_of_a_grid(small_store, tmp_path):
    folder = shutil.copytree(small_store, tmp_path / "store")
    ball = datasets.load("ball", **BALL)
    found = score(_centre, ball, metrics=["mig"], name="centre of mass", out=folder)
    assert found.report == folder / "report.html"
    tables = load_results(folder)
    mine = tables.runs[tables.runs["kind"] == "codes"].iloc[0]
    others = tables.runs[tables.runs["kind"] == "vae"]
    # One dataset, one table.
    assert {mine["dataset_options"]} == set(others["dataset_options"])
    assert mine["mig_histogram"] > 0.9
    assert "centre of mass" in found.report.read_text()
    assert len(Store(folder).runs()) == len(Store(small_store).runs()) + 1


def test_a_dataset_of_ones_own():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (len(FACTORS), 8, 8), dtype=np.uint8)
    images[:, 0, :3] = FACTORS * 20
    data = datasets.from_arrays(images, FACTORS, factor_names=["a", "b", "c"], name="dsprites")
    found = score(lambda x: (x[:, 0, 0, :3] / 20, None), data, metrics=["mig"])
    assert found.scores.set_index("metric").loc["mig_histogram", "value"] == pytest.approx(1)
    assert set(found.details["factor"].dropna()) >= {"a", "b", "c"}


class _Pair(NamedTuple):
    mu: object
    spread: object


class _Tensor:
    """What `encode_images` knows of a torch tensor that wants gradients, on a GPU, of 16 bits."""

    def __init__(self, values, done=()):
        self.values, self.done = values, done
        self.shape = values.shape

    def __array__(self, *args, **kwargs):
        raise TypeError("can't convert cuda:0 device type tensor to numpy")

    def detach(self):
        return _Tensor(self.values, ("detach",))

    def cpu(self):
        return _Tensor(self.values, (*self.done, "cpu"))

    def is_floating_point(self):
        return True

    def float(self):
        return _Tensor(self.values, (*self.done, "float"))

    def numpy(self):
        assert self.done == ("detach", "cpu", "float")
        return self.values.astype(np.float32)


def _tensors(dtype):
    """Return a pair of torch tensors that want gradients."""
    import torch

    return lambda means, spread: [
        torch.tensor(part).to(dtype and getattr(torch, dtype)).requires_grad_()
        for part in (means, spread)
    ]


@pytest.mark.parametrize(
    "pair",
    [
        lambda *parts: list(parts),
        lambda *parts: _Pair(*parts),
        lambda *parts: iter(parts),
        lambda *parts: [part.tolist() for part in parts],
        lambda *parts: [_Tensor(part) for part in parts],
        *[_tensors(dtype) for dtype in (None, "float32", "float16", "bfloat16")],
    ],
)
def test_any_pair_will_do(pair):
    ball = datasets.load("ball", **BALL)

    def encode(images):
        means, spread = _centre(images)
        # As coarse as bfloat16, so that every type has the same numbers.
        return pair(np.round(means * 8) / 8, spread)

    found = score(encode, ball, metrics=["mig"], batch_size=20).scores.set_index("metric")["value"]
    expected = score(lambda images: tuple(encode(images)), ball, metrics=["mig"]).scores
    np.testing.assert_array_equal(found, expected.set_index("metric")["value"])
    assert found["mig_posterior"] > 0.5


def test_factors_of_a_dataset_can_be_cut_into_bins(tmp_path):
    ball = datasets.load("ball", **BALL)
    out = tmp_path / "out"
    found = score(_centre, ball, metrics=["modularity"], factor_bins=4, out=out)
    labels = bin_factors(ball.factors(np.arange(64)), 4)
    expected = modularity(_centre(ball.images(np.arange(64)))[0].astype(np.float32), labels)
    assert found.scores.set_index("metric").loc["modularity", "value"] == pytest.approx(expected)
    # Other labels, other data: no table has both.
    (run,) = Store(out).runs()
    assert run.spec.dataset.options["factor_bins"] == 4
    assert run.fingerprint != ball.fingerprint
    assert run.manifest.dataset.factor_sizes == [4, 4]


@pytest.mark.parametrize(
    ("encode", "message"),
    [
        (lambda images: images[:, 0, 0, :2], "must return a pair"),
        (lambda images: np.stack([images[:, 0, 0]] * 2), "must return a pair, .* of shape"),
        (lambda images: {"means": images[:, 0, 0], "logvars": None}, "must return a pair, .* dict"),
        (lambda images: None, "must return a pair, .* NoneType"),
        (lambda images: (images[:, 0, 0],) * 3, "must return a pair, .* tuple"),
        (lambda images: (images[:, 0, 0].T, None), "not .* is it transposed"),
        (lambda images: ([[1], [2, 3]], None), "must return means that numpy takes"),
        (lambda images: (np.ma.masked_less(images[:, 0, 0], 9), None), "it has masked values"),
        (
            [_centre, lambda images: (_centre(images)[0][:, :1], None)],
            "encode.1: has 1 latents, enc",
        ),
        ([_centre, "mine"], "encode.1: must be a callable"),
        (None, "encode: must be a callable"),
        (lambda images: (images[:1, 0, 0, :2], None), "must return means of shape"),
        (lambda images: (images[:, 0, 0], images[:, 0, 0, 0]), "must return logvars of shape"),
        (lambda images: (images[:, 0, 0] * np.nan, None), "means: has NaN"),
        (lambda images: (np.zeros((len(images), len(images))), None), "equally many latents"),
        ([], "is an empty list"),
    ],
)
def test_what_is_no_encoder_is_refused(encode, message):
    with pytest.raises(CodesError, match=message):
        score(encode, "ball", metrics=["mig"], evaluation=10, batch_size=7)


def test_unknown_metrics_and_evaluations_are_refused():
    with pytest.raises(GridError, match="unknown metric"):
        score(_centre, "ball", metrics=["migg"])
    with pytest.raises(CodesError, match=r"metrics: must be a list, such as \['mig'\]"):
        score(_centre, "ball", metrics="mig")


@pytest.mark.parametrize(
    ("keyword", "values"),
    [
        ("evaluation", (0, -1, 2.5, True, "some", None, 10**12)),
        ("seed", (-1, 0.5, "x", 2**32)),
        ("batch_size", (0, -1, 2.5, True, None, 10**12)),
        ("factor_bins", (0, 1, 2.5, True, "x", 10**12)),
        ("name", ("", "x" * 101, "\udcff", None)),
        ("dataset", (None, 3)),
    ],
)
def test_keywords_out_of_range_are_refused(keyword, values):
    for value in values:
        with pytest.raises(CodesError, match=f"{keyword}: must be|must have a {keyword}"):
            score(_centre, **{"dataset": "ball", "evaluation": 30, keyword: value})
