"""What holds for every objective, alone and in packs."""

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import datasets
from bench.grid.packs import Execution, Pack, second_network
from bench.training.batches import Images
from bench.training.family import VAEFamily
from bench.training.objectives import OBJECTIVES
from bench.training.train import Training

from .kinds import BALL, KINDS, PluggedOutError, spec_of, trained


@pytest.fixture(autouse=True)
def _narrow(monkeypatch):
    monkeypatch.setattr("bench.training.factor_vae.WIDTH", 32)


def _training(specs):
    pack, ball = Pack(tuple(specs), Execution()), datasets.load("ball", **BALL)
    images = Images(ball, "cpu")
    return Training(pack, images, VAEFamily(pack, images))


def _learnt(training):
    """Return what the objectives of a pack learn or remember, with their optimisers' tensors."""
    found = []
    for learner, _ in training._groups._groups:
        moved = learner.optimiser.state.values() if learner.optimiser else ()
        found += [*learner.state_dict().values(), *(part for own in moved for part in own.values())]
    return found


def test_every_objective_is_here():
    # A channel has no codes of its own to be packed with VAEs: see test_factor_channel.
    assert KINDS.keys() == OBJECTIVES.keys() - {"factor_channel"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_resumed_pack_ends_with_the_same_bits(kind, tmp_path, monkeypatch):
    # Four steps a window, so that a checkpoint may fall into the middle of one.
    monkeypatch.setattr("bench.training.recorder.HISTORY_ROWS", 6)
    specs = [spec_of(kind), spec_of("vae", seed=1), spec_of(kind, seed=2)]
    whole = trained(specs)
    for stop_at in (6, 22):
        path = tmp_path / f"{stop_at}"
        with pytest.raises(PluggedOutError):
            trained(specs, path, stop_at=stop_at, steps=5)
        assert path.exists()
        resumed = trained(specs, path, steps=5)
        for before, after in zip(whole, resumed, strict=True):
            assert before.state == after.state
            assert before.history.equals(after.history)
            assert np.array_equal(before.means, after.means)


@pytest.mark.parametrize("kind", KINDS)
def test_which_objectives_train_a_network_is_known_without_them(kind):
    ((learner, _),) = _training([spec_of(kind)])._groups._groups
    assert any(True for _ in learner.parameters()) == (learner.optimiser is not None)
    assert second_network(spec_of(kind)) == (learner.optimiser is not None)


@pytest.mark.parametrize("kind", KINDS)
def test_a_checkpoint_has_all_that_is_learnt(kind):
    specs = [spec_of(kind), spec_of(kind, seed=1)]
    whole, resumed = _training(specs), _training(specs)
    for _ in range(5):
        whole.advance()
    resumed.load(whole.saved())
    for _ in range(3):
        whole.advance()
        resumed.advance()
    for before, after in zip(_learnt(whole), _learnt(resumed), strict=True):
        assert torch.equal(before, after)


def test_a_member_of_a_mixed_pack_is_the_model_alone():
    specs = [spec_of(kind, seed=seed) for seed, kind in enumerate([*KINDS, *KINDS])]
    for spec, member in zip(specs, trained(specs), strict=True):
        (alone,) = trained([spec])
        # Products are summed in another order, which a rectifier makes much of now and then.
        assert np.allclose(member.history[:5], alone.history[:5], rtol=1e-5, atol=1e-5), spec
        assert np.allclose(member.history, alone.history, rtol=5e-3, atol=5e-3), spec
        assert np.allclose(member.means, alone.means, atol=5e-3), spec
        assert alone.means.std() > 0.05


@pytest.mark.parametrize("kind", KINDS)
def test_a_member_that_diverges_changes_no_bit_of_another(kind):
    specs = [spec_of(kind, seed=seed) for seed in range(3)]
    healthy, ill = _training(specs), _training(specs)
    for training in (healthy, ill):
        training.advance()
        if training is ill:
            with torch.no_grad():
                training.family.model.encoder_linears[0].bias[1].fill_(torch.nan)
        for _ in range(4):
            training.advance()
    assert [*ill.dead] == [1]
    for member in (0, 2):
        assert ill.history.frame(member).equals(healthy.history.frame(member))
        for expected, found in zip(_learnt(healthy), _learnt(ill), strict=True):
            # An optimiser counts its steps for all members.
            assert not expected.ndim or torch.equal(expected[member], found[member])


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_can_be_recorded(kind):
    """A GPU replays a step: nothing of it goes to the host, and no tensor moves elsewhere."""

    class Recording(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            assert function.overloadpacket.__name__ not in ("_local_scalar_dense", "nonzero")
            return function(*args, **(kwargs or {}))

    training = _training([spec_of(kind), spec_of("vae", seed=1)])
    training.advance()
    places = [value.data_ptr() for value in _learnt(training)]
    for step in (1, 2):
        training._batches.prepare(step)
        with Recording():
            training._advance()
    assert [value.data_ptr() for value in _learnt(training)] == places
