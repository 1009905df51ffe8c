"""Scores on the way: nothing else is trained for them, and no kill loses or repeats one."""

import os
import signal
from functools import partial

import numpy as np
import pytest

import datasets
from bench.engines import stopping
from bench.grid.metric_requests import metric_requests
from bench.grid.packs import Execution, Pack
from bench.grid.specs import SPEC_ADAPTER
from bench.scoring.during_training import scores_on_the_way
from bench.training.checkpoints import Checkpoints
from bench.training.context import Context, Scoring
from bench.training.scored_steps import scored_steps
from bench.training.train import train
from metrics import mig, modularity

BALL = {"image_size": 16, "shape": "disc", "radius": 3, "grid_size": 8}
STEPS = 23
METRICS = [{"name": "mig", "bootstrap": 5}, "modularity", "kl_per_dimension", "udr"]
COLUMNS = ["mig_histogram", "mig_posterior", "modularity"]
SCORED = [1, 3, 8, 23]


def _spec(**fields):
    common = {"dataset": {"name": "ball", "options": BALL}, "steps": STEPS, "batch_size": 16}
    common["evaluation"] = {"images": 50}
    return SPEC_ADAPTER.validate_python({**common, **fields})


def _vae(**fields):
    return _spec(n_latents=4, **fields)


PACKS = {
    "one": (_vae(kind="capacity_vae", gamma=100, capacity=5, anneal_steps=15),),
    "several": (_vae(kind="vae", seed=1), _vae(kind="beta_tcvae", beta=4.0)),
    "channel": (
        _spec(kind="factor_channel", channel="learnt", gamma=10, capacity=5, anneal_steps=15),
    ),
}


class PluggedOutError(Exception):
    """Somebody pulled the plug."""


class Scorer:
    """Scores as a grid does, and counts; a signal may come after some calls."""

    def __init__(self, signal_after=None):
        self.calls = []
        self.signal_after = signal_after

    def __call__(self, arrays, names):
        self.calls.append(arrays)
        if len(self.calls) == self.signal_after:
            os.kill(os.getpid(), signal.SIGTERM)
        return scores_on_the_way(metric_requests(METRICS), arrays, names)


def _train(specs, scorer=None, path=None, *, stop_at=None, **when):
    from bench.training.producers import FAMILIES

    def report(steps, loss, stage=""):
        if steps == (stop_at or 0) * len(specs) and not stage:
            raise PluggedOutError

    scoring = None if scorer is None else Scoring(4, scorer)
    context = Context(report, Checkpoints(path, **when), scoring)
    family = FAMILIES[specs[0].kind]
    ball = datasets.load("ball", **BALL)
    return list(train(Pack(specs, Execution()), ball, context, family))


def test_steps_are_spaced_over_three_decades_and_end_at_the_end():
    assert scored_steps(300_000, 7) == [300, 949, 3000, 9487, 30000, 94868, 300000]
    assert scored_steps(STEPS, 4) == SCORED
    for steps in (1, 2, 5, 999, 10**9):
        for count in (1, 2, 8, 100):
            found = scored_steps(steps, count)
            assert found == sorted(set(found))
            assert (found[0] >= 1, found[-1], len(found) <= count) == (True, steps, True)


@pytest.mark.parametrize("specs", PACKS.values(), ids=PACKS)
def test_what_is_trained_does_not_depend_on_it(specs):
    with_scores, without = _train(specs, Scorer()), _train(specs)
    for one, other in zip(with_scores, without, strict=True):
        assert one.state == other.state
        assert one.history.equals(other.history)
        np.testing.assert_array_equal(one.means, other.means)
        assert one.reconstruction == other.reconstruction
        assert (other.scores, list(one.scores)) == (None, ["step", "metric", "value"])


@pytest.mark.parametrize("specs", PACKS.values(), ids=PACKS)
def test_each_member_is_scored_by_the_scalar_metrics_and_at_the_end_by_its_codes(specs):
    scorer = Scorer()
    for result in _train(specs, scorer):
        table = result.scores.pivot_table(index="step", columns="metric", values="value")
        assert [*table.index] == SCORED
        assert [*result.scores["metric"].unique()] == COLUMNS
        factors = datasets.load("ball", **BALL).factors(result.indices)
        assert table.loc[STEPS, "mig_histogram"] == mig(result.means, factors)
        assert table.loc[STEPS, "modularity"] == modularity(result.means, factors)
        assert table["mig_posterior"].nunique() == len(SCORED)
    assert len(scorer.calls) == len(SCORED) * len(specs)


def test_more_images_are_evaluated_than_are_scored_on_the_way(monkeypatch):
    monkeypatch.setattr("bench.training.scored_steps.MOST_IMAGES", 20)
    scorer = Scorer()
    (result,) = _train(PACKS["one"], scorer)
    assert {len(arrays["means"]) for arrays in scorer.calls} == {20}
    assert len(result.means) == 50


@pytest.mark.parametrize("specs", PACKS.values(), ids=PACKS)
@pytest.mark.parametrize("stop_at", [2, 8, 9, 22])
def test_a_kill_loses_no_score_and_repeats_none(specs, stop_at, tmp_path):
    whole = _train(specs, Scorer())
    with pytest.raises(PluggedOutError):
        _train(specs, Scorer(), tmp_path / "pack", stop_at=stop_at, steps=4)
    resumed = Scorer()
    for one, other in zip(_train(specs, resumed, tmp_path / "pack"), whole, strict=True):
        assert one.scores.equals(other.scores)
        assert one.state == other.state
    # Only what came after the last checkpoint, of every fourth step, is computed again.
    kept = (stop_at - 1) // 4 * 4
    assert len(resumed.calls) == len(specs) * sum(step > kept for step in SCORED)


@pytest.mark.parametrize("after", range(1, 9))
def test_a_signal_in_the_midst_of_scoring_is_kept_until_the_checkpoint(after, tmp_path):
    specs = PACKS["several"]
    whole = _train(specs, Scorer())
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    stopping.install()
    interrupted = Scorer(signal_after=after)
    try:
        with pytest.raises(stopping.Stopped):
            _train(specs, interrupted, tmp_path / "pack")
    finally:
        stopping.install()
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert len(interrupted.calls) == after
    resumed = Scorer()
    for one, other in zip(_train(specs, resumed, tmp_path / "pack"), whole, strict=True):
        assert one.scores.equals(other.scores)
        assert one.state == other.state
    assert len(resumed.calls) == 2 * len(SCORED) - after


def test_a_training_that_began_without_is_scored_from_where_it_resumes(tmp_path):
    specs = PACKS["several"]
    with pytest.raises(PluggedOutError):
        _train(specs, None, tmp_path / "pack", stop_at=7, steps=5)
    for one, other in zip(_train(specs, Scorer(), tmp_path / "pack"), _train(specs), strict=True):
        assert sorted(one.scores["step"].unique()) == [8, 23]
        assert one.state == other.state


def test_a_member_that_diverged_is_scored_no_more():
    specs = (_vae(kind="vae"), _vae(kind="beta_vae", beta=1e39))
    scorer = Scorer()
    failure, result = _train(specs, scorer)
    assert failure.spec == specs[1]
    assert sorted(result.scores["step"].unique()) == SCORED
    assert len(SCORED) <= len(scorer.calls) < 2 * len(SCORED)


def test_a_metric_that_cannot_be_computed_is_nan_and_stops_nothing():
    arrays = {"means": np.full((9, 2), np.nan), "logvars": None, "factors": np.zeros((9, 1), int)}
    score = partial(scores_on_the_way, metric_requests(["mig", "modularity", "kl_per_dimension"]))
    found = score(arrays, ["a"])
    assert [*found] == COLUMNS
    assert np.isnan([*found.values()]).all()
