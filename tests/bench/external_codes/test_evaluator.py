"""Scores in a training loop: those of `bench.score`, on the same images at every call."""

import pickle

import numpy as np
import pytest
import torch

import datasets
from bench import Evaluator, score
from bench.errors import CodesError, GridError
from bench.external_codes import evaluator
from bench.grid.specs import Evaluation
from bench.grid.streams import evaluation_indices
from tests.documents import examples, run
from tests.random_states import global_states

BALL = {"image_size": 16, "shape": "disc", "radius": 3, "grid_size": 16}
METRICS = [
    *("mig", "modularity", "kl_per_dimension", "posterior_std_per_dimension", "active_units"),
    {"name": "beta_vae_score", "n_train": 200, "n_test": 100},
    {"name": "mig", "exclude": ["position_y"]},
]


def _pair(images):
    """Encode a picture by some of its pixels, of which one is a position."""
    flat = images.reshape(len(images), -1).astype(np.float64)
    means = flat @ np.random.default_rng(0).normal(size=(flat.shape[1], 4)) / 1000
    means[:, 0] = flat @ np.tile(np.arange(16), 16) / flat.sum(1)
    return means, np.stack([np.full(len(images), spread) for spread in (-4, -2, -1, 0)], 1)


@pytest.fixture(scope="module")
def ball():
    return datasets.load("ball", **BALL)


def _table(found):
    return found.scores.set_index("metric")


@pytest.mark.parametrize("options", [{}, {"seed": 3}, {"factor_bins": 4}])
def test_its_numbers_are_those_of_bench_score(ball, options):
    found = Evaluator(ball, metrics=METRICS, images=100, **options)(_pair)
    expected = _table(score(_pair, ball, metrics=METRICS, evaluation=100, **options))
    shared = [name for name in found if name != "kl"]
    assert len(shared) >= 6
    assert found["mig_histogram"] > 0.2
    for name in shared:
        assert found[name] == expected.loc[name, "value"]
    for part, bounds in (("chance", found.chance), ("ceiling", found.ceiling)):
        columns = expected[part].dropna()
        assert bounds == {name: columns[name] for name in bounds}
        assert set(bounds) == set(columns.index) & set(shared)
    assert found.chance["modularity"] < found.ceiling["modularity"]


def test_by_default_it_computes_all_that_are_of_one_model_and_fast(ball):
    found = Evaluator(ball, images=100)(_pair)
    expected = _table(score(_pair, ball, evaluation=100))
    left_out = {name for name in expected.index if name.startswith(("dci_", "explicitness"))}
    assert left_out
    per_latent = {"kl_per_dimension", "posterior_std_per_dimension"}
    assert set(found) == set(expected.index) - left_out - per_latent - {"udr"} | {"kl"}
    values = expected["value"]
    np.testing.assert_array_equal(
        [found[name] for name in found if name != "kl"],
        [values[name] for name in found if name != "kl"],
    )


def test_the_images_are_those_of_a_grid_and_the_same_at_every_call(ball):
    seen = []

    def spoil(images):
        seen.append(images.copy())
        answer = _pair(images)
        images[:] = 7
        return answer

    evaluate = Evaluator(ball, metrics=["mig"], images=40, seed=3, batch_size=16)
    assert evaluate(spoil) == evaluate(spoil)
    assert [len(batch) for batch in seen] == [16, 16, 8] * 2
    expected = ball.images(evaluation_indices(Evaluation(images=40, seed=3), len(ball)))
    np.testing.assert_array_equal(np.concatenate(seen[:3]), expected)
    np.testing.assert_array_equal(np.concatenate(seen[3:]), expected)


def _count(monkeypatch, place, name):
    calls = []
    real = getattr(place, name)

    def counted(*args, **options):
        calls.append(args)
        return real(*args, **options)

    monkeypatch.setattr(place, name, counted)
    return calls


def test_images_are_read_once_and_bounds_computed_once(ball, monkeypatch):
    read = _count(monkeypatch, ball, "images")
    measured = _count(monkeypatch, evaluator, "known_bounds")
    evaluate = Evaluator(ball, metrics=["mig", "modularity"], images=40, batch_size=16)
    assert (len(read), len(measured)) == (0, 0)
    first, second = evaluate(_pair), evaluate(_pair)
    assert (len(read), len(measured)) == (1, 2)
    # Who changes what was given to him changes it for nobody else.
    first.chance.clear()
    assert second.chance == evaluate(_pair).chance != {}
    # Chance has as many latents as the model.
    evaluate(lambda images: tuple(part[:, :2] for part in _pair(images)))
    assert len(measured) == 4


def test_more_images_than_are_kept_are_read_every_time(ball, monkeypatch):
    kept = Evaluator(ball, metrics=["mig"], images=40, batch_size=16)(_pair)
    monkeypatch.setattr(evaluator, "KEPT_BYTES", 40 * 256 - 1)
    read = _count(monkeypatch, ball, "images")
    evaluate = Evaluator(ball, metrics=["mig"], images=40, batch_size=16)
    assert evaluate(_pair) == evaluate(_pair) == kept
    assert len(read) == 6


def test_global_random_states_are_left_alone(ball, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = global_states()
    Evaluator(ball, images=60, metrics=[*METRICS, "factor_vae_score", "dci"])(_pair)
    assert global_states() == before
    assert [*tmp_path.iterdir()] == []


def test_a_pickled_one_has_the_same_scores_and_no_images(ball):
    evaluate = Evaluator(ball, metrics=["mig", "kl_per_dimension"], images=200)
    expected = evaluate(_pair)
    packed = pickle.dumps(evaluate)
    assert len(packed) < 200 * 256 / 2
    found = pickle.loads(packed)(_pair)
    assert (found, found.chance, found.ceiling) == (expected, expected.chance, expected.ceiling)
    again = pickle.loads(pickle.dumps(found))
    assert (again, again.per_latent) == (found, found.per_latent)


def test_what_is_not_there_is_nan_with_its_reason(ball):
    evaluate = Evaluator(ball, metrics=["mig", "kl_per_dimension", "smoothness"], images=100)
    found = evaluate(lambda images: (_pair(images)[0], None))
    assert np.isnan(found["mig_posterior"])
    assert found.reasons["mig_posterior"] == "the run has no logvars"
    assert set(found.reasons) == {name for name, value in found.items() if np.isnan(value)}
    assert found.reasons["kl"] == "the run has no logvars"
    collapsed = evaluate(lambda images: (np.zeros((len(images), 2)), np.zeros((len(images), 2))))
    assert "collapsed" in collapsed.reasons["smoothness"]


def test_numbers_of_each_latent_and_intervals_are_beside_the_scores(ball):
    asked = ["kl_per_dimension", {"name": "modularity", "bootstrap": 20}]
    found = Evaluator(ball, metrics=asked, images=100)(_pair)
    assert len(found.per_latent["kl_per_dimension"]) == 4
    assert found["kl"] == pytest.approx(sum(found.per_latent["kl_per_dimension"]))
    assert "kl_per_dimension" not in found
    low, high = found.intervals["modularity"]
    assert low < found["modularity"] < high


@pytest.mark.parametrize("logvar", [None, 0.0, 800.0])
def test_columns_do_not_depend_on_whether_there_is_a_value(ball, logvar):
    metrics = ["kl_per_dimension", "posterior_std_per_dimension"]

    def encode(images):
        means = _pair(images)[0]
        return means, None if logvar is None else np.full_like(means, logvar)

    found = Evaluator(ball, metrics=metrics, images=100)(encode)
    assert list(found) == ["kl"]
    undefined = {None: {"kl", "posterior_std_per_dimension"}, 0.0: set(), 800.0: {"kl"}}[logvar]
    assert set(found.reasons) == undefined
    assert np.isnan(found["kl"]) == bool(undefined)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_tensors_that_want_gradients_will_do(ball, dtype):
    def encode(images):
        means, logvars = _pair(images)
        return [
            torch.tensor(np.round(part * 8) / 8, requires_grad=True).to(dtype)
            for part in (means, logvars)
        ]

    evaluate = Evaluator(ball, metrics=["mig"], images=50)
    # In steps of an eighth, bfloat16 has the same numbers but for the largest.
    exact = evaluate(lambda images: [part.detach().float() for part in encode(images)])
    assert evaluate(encode) == exact


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"metrics": "mig"}, CodesError, r"metrics: must be a list, such as \['mig'\]"),
        ({"metrics": 5}, CodesError, r"metrics: must be a list, such as \['mig'\]"),
        ({"metrics": []}, CodesError, "metrics: is an empty list; name a metric"),
        ({"metrics": ["migg"]}, GridError, "Evaluator: metrics.0: unknown metric 'migg'"),
        ({"metrics": ["udr"]}, CodesError, "udr compares several models"),
        ({"metrics": [{"name": "mig", "exclude": ["z"]}]}, GridError, "no dataset has the factor"),
        ({"images": 0}, CodesError, "images: must be"),
        ({"images": None}, CodesError, "images: must be"),
        ({"seed": -1}, CodesError, "seed: must be"),
        ({"batch_size": 2.5}, CodesError, "batch_size: must be"),
        ({"factor_bins": 1}, CodesError, "factor_bins: must be"),
        ({"dataset": None}, CodesError, "dataset: must be a dataset's name"),
        ({"dataset": "bal"}, ValueError, "bal"),
    ],
)
def test_keywords_out_of_range_are_refused_when_it_is_made(keywords, error, message):
    with pytest.raises(error, match=message) as caught:
        Evaluator(**{"dataset": "ball", **keywords})
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("encode", "message"),
    [
        (None, "encode: must be a callable, not NoneType"),
        ([_pair], "encode: must be a callable, not list"),
        (lambda images: _pair(images)[0], "encode: must return a pair"),
        (lambda images: (_pair(images)[0] * np.nan, None), "means: has NaN"),
        (lambda images: (_pair(images)[0][:1], None), "encode: must return means of shape"),
    ],
)
def test_what_is_no_encoder_is_refused(ball, encode, message):
    with pytest.raises(CodesError, match=f"^Evaluator: {message}") as caught:
        Evaluator(ball, metrics=["mig"], images=20)(encode)
    assert len(str(caught.value).splitlines()) == 1


# A loop of one's own, and Lightning's callback.
_EXAMPLES = examples("docs/scoring_codes.md", "Scores while you train")
_IN_README = examples("README.md", "Score your own model")[1]


class _Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(64 * 64, 6)

    def encode(self, images):
        return self.linear(images.flatten(1)).chunk(2, 1)


def test_the_loop_of_the_documentation():
    logged = {}
    names = {
        "torch": torch,
        "model": _Model(),
        "batches": range(2_000),
        "train_step": lambda batch: None,
        "log": logged.__setitem__,
    }
    run(_EXAMPLES[0], **names)
    assert [*logged] == [1_000, 2_000]
    columns = ["mig_histogram", "mig_posterior", "sap_score", "kl"]
    assert [*logged[1_000]] == columns
    assert logged[1_000] == logged[2_000]
    assert all(np.isfinite(logged[1_000][name]) for name in columns)


def test_the_callback_is_ten_lines_in_the_readme_and_the_same_in_the_documentation():
    assert len([line for line in _IN_README.splitlines() if line.strip()]) <= 10
    assert _IN_README.endswith(_EXAMPLES[1])


# What Lightning warns of, here and at its import, is its own affair.
@pytest.mark.integration
@pytest.mark.filterwarnings("ignore")
def test_the_callback_of_the_documentation(tmp_path):
    lightning = pytest.importorskip(
        "lightning", reason="needs Lightning: pip install 'disbench[integration]'"
    )

    class Module(lightning.LightningModule, _Model):
        def training_step(self, batch, index):
            means, logvars = self.encode(batch)
            return (means.square() + logvars.square()).mean()

        def validation_step(self, batch, index):
            pass

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters())

    names = run(_IN_README, lightning=lightning, torch=torch)
    images = torch.rand(64, 1, 64, 64)
    loader = torch.utils.data.DataLoader(images, batch_size=16)
    callback = names["Disentanglement"]()
    trainer = lightning.Trainer(
        default_root_dir=tmp_path,
        max_epochs=2,
        accelerator="cpu",
        callbacks=[callback],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    module = Module()
    trainer.fit(module, loader, loader)
    assert module.training

    def encode(images):
        with torch.no_grad():
            return module.encode(torch.from_numpy(images) / 255)

    # The last epoch's are those of the model as it is now.
    expected = callback.evaluate(encode)
    assert {"mig_histogram", "mig_posterior", "sap_score"} == set(expected)
    for name, value in expected.items():
        assert trainer.callback_metrics[name].item() == pytest.approx(value, rel=1e-6)
