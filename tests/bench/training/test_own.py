"""Own objectives and architectures in training: packs, resuming, workers, and what goes wrong."""

import re
from functools import partial

import pandas as pd
import pytest
import torch

from bench.engines.local import run_tasks
from bench.grid.identity import run_id
from bench.grid.own_code import pinned
from bench.grid.packs import Execution, Pack
from bench.models.own_vae import OwnVAE
from bench.models.weights import read_weights
from bench.pipeline import _execute
from bench.store.results import Failure
from bench.store.store import Store
from bench.store.stored_run import read_run
from bench.training.execute import execute
from tests.bench.own_examples import write_modules
from tests.bench.training.kinds import STEPS, PluggedOutError, spec_of, trained

HEAD = """
import torch
from bench.training.objective import Learner, Objective
def one(step, settings):
    return torch.ones_like(settings["learning_rate"])
def plain(terms, beta, settings):
    return terms.reconstruction + terms.kl.sum(-1)
"""
# An objective with a state: the means of its KLs so far, which weigh the next step.
LEARNER = """
class Mean(Learner):
    def __init__(self, objective, members):
        super().__init__(objective, members)
        self.register_buffer("mean", torch.ones(len(members.seeds)))
    def control(self, step):
        return self.mean.clone()
    def learn(self, terms, step):
        self.mean.lerp_(terms.kl.sum(-1), 0.1)
def weighted(terms, c, settings):
    return terms.reconstruction + (1 + c) * terms.kl.sum(-1)
weighed = Objective("c", one, weighted, Mean)
"""


def _pinned(name):
    return pinned(name, allow_imports=True)


def _own(seed=0, objective="my_losses:sparse", strength=4, **fields):
    own = {"objective": _pinned(objective), "options": {"strength": strength, "warm_up": 9}}
    nets = {"architecture": _pinned("my_nets:small"), "initialisation": "pytorch"}
    return spec_of("own", seed=seed, **own, **nets, **fields)


def _weights(result):
    return read_weights(result.state)


def _same(first, second):
    assert first.spec == second.spec
    pd.testing.assert_frame_equal(first.history, second.history, check_exact=True)
    one, other = _weights(first), _weights(second)
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_run_in_a_pack_is_what_it_is_alone(own_modules):
    specs = [_own(seed=0), _own(seed=1, strength=1), _own(seed=1)]
    together = trained(specs)
    for spec, result in zip(specs, together, strict=True):
        (alone,) = trained([spec])
        pd.testing.assert_frame_equal(alone.history, result.history, rtol=1e-5)
        for name, value in _weights(alone).items():
            torch.testing.assert_close(_weights(result)[name], value, rtol=1e-4, atol=1e-6)
    histories = [result.history for result in together]
    assert histories[0]["beta"].tolist() == pytest.approx([4 * min(i / 9, 1) for i in range(STEPS)])
    assert histories[1]["beta"].iloc[-1] == 1
    # The penalty: what the loss has beside reconstruction and KL.
    gap = [h["loss"] - h["reconstruction"] - h["kl"] for h in histories]
    assert all(part.iloc[0] == pytest.approx(0, abs=1e-3) for part in gap)
    assert all(part.iloc[-1] > 0 for part in gap)


@pytest.mark.parametrize("objective", ["my_losses:sparse", "my_learner:weighed"])
def test_a_run_resumes_to_the_same_bits(own_modules, tmp_path, objective):
    write_modules(own_modules, my_learner=HEAD + LEARNER)
    specs = [_own(objective=objective), _own(seed=1, objective=objective)]
    whole = trained(specs)
    with pytest.raises(PluggedOutError):
        trained(specs, tmp_path / "checkpoint", stop_at=11, steps=5)
    for first, second in zip(whole, trained(specs, tmp_path / "checkpoint", steps=5), strict=True):
        _same(first, second)


def _executed(specs, report=None):
    outcomes = []
    statuses = execute(
        Pack(tuple(specs), Execution()),
        lambda outcome, record: outcomes.append(outcome),
        report or _ignore,
    )
    assert {s.run_id for s in statuses} == {run_id(outcome.spec) for outcome in outcomes}
    return outcomes


def _ignore(*progress):
    pass


FRAGILE = """
class Fragile(Learner):
    def __init__(self, objective, members):
        super().__init__(objective, members)
        if 1 in members.seeds:
            raise {error}
own = Objective("beta", one, plain, Fragile)
"""


def test_own_code_that_fails_for_one_member_of_a_pack_fails_that_alone(own_modules):
    write_modules(own_modules, my_fragile=HEAD + FRAGILE.format(error="RuntimeError('no')"))
    specs = [_own(seed, "my_fragile:own") for seed in (0, 1, 2)]
    reported = []
    outcomes = {o.spec.seed: o for o in _executed(specs, lambda done, *_: reported.append(done))}
    assert isinstance(outcomes[1], Failure)
    assert outcomes[1].reason == "RuntimeError: no"
    for seed in (0, 2):
        _same(outcomes[seed], *trained([specs[seed]]))
    # The steps of the pack: those of the last member end it.
    assert reported == sorted(reported)
    assert STEPS < reported[-1] <= 3 * STEPS


@pytest.mark.parametrize("error", ["MemoryError()", "torch.cuda.OutOfMemoryError('no')"])
def test_what_no_member_is_to_blame_for_is_not_tried_again(own_modules, error):
    write_modules(own_modules, my_fragile=HEAD + FRAGILE.format(error=error))
    outcomes = _executed([_own(seed, "my_fragile:own") for seed in (0, 1)])
    assert all(isinstance(outcome, Failure) for outcome in outcomes)
    assert len(outcomes) == 2


@pytest.mark.slow
def test_two_workers_import_what_the_driver_can(own_modules, tmp_path):
    store = Store(tmp_path / "out", create=True)
    specs = [_own(), _own(seed=1)]
    call = partial(_execute, store.folder, 60.0, None)
    packs = [Pack((spec,), Execution()) for spec in specs]
    answers = run_tasks(call, packs, workers=2, progress=_ignore)
    assert [status.failure for _, (status,) in answers] == [None, None]
    (alone,) = trained([specs[0]])
    stored = read_run(store.run_folder(run_id(specs[0]))).latents()
    assert stored.means.tolist() == alone.means.tolist()


@pytest.mark.parametrize(
    ("loss", "reason"),
    [
        ("raise RuntimeError('no')", "RuntimeError: no"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        (
            "return plain(terms, beta, settings).mean()",
            r"loss must give a number for each model of the pack, .* shape \(1,\), not \(\)",
        ),
        ("return terms.kl", r"a tensor of shape \(1,\), not \(1, 4\)"),
        ("return 1.0", r"a tensor of shape \(1,\), not float"),
        (
            "return beta * settings['absent']",
            "has no option 'absent'; its settings are: .*warm_up",
        ),
        ("return plain(terms, beta, settings).log() * -1e40", "the loss was not finite by step 1"),
    ],
)
def test_what_goes_wrong_fails_the_run_with_its_reason(own_modules, loss, reason):
    body = f"def loss(terms, beta, settings):\n    {loss}\nown = Objective('beta', one, loss)\n"
    write_modules(own_modules, my_wrong=HEAD + body)
    outcomes = _executed([_own(seed, "my_wrong:own") for seed in (0, 1)])
    assert len(outcomes) == 2
    for outcome in outcomes:
        assert isinstance(outcome, Failure)
        assert re.search(reason, outcome.reason)


def test_a_member_that_diverges_changes_no_bit_of_another(own_modules):
    body = (
        "def loss(terms, beta, settings):\n"
        "    broken = settings['strength'] > 8\n"
        "    return plain(terms, beta, settings) * torch.where(broken, torch.inf, 1)\n"
        "own = Objective('beta', one, loss)\n"
    )
    write_modules(own_modules, my_wrong=HEAD + body)
    sound, broken = (_own(objective="my_wrong:own", strength=strength) for strength in (1, 9))
    failure, beside = trained([sound, broken])
    assert (failure.spec, failure.reason) == (broken, "the loss was not finite by step 1")
    (alone, _) = trained([sound, _own(objective="my_wrong:own", strength=8)])
    _same(alone, beside)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("one", r"is no bench\.training\.objective\.Objective, but function"),
        ("other", "must have the control_name 'beta' or 'c'"),
    ],
)
def test_what_is_no_objective_fails_its_runs(own_modules, name, reason):
    write_modules(own_modules, my_wrong=HEAD + "other = Objective('alpha', one, plain)\n")
    (failure,) = _executed([_own(objective=f"my_wrong:{name}")])
    assert re.search(reason, failure.reason)


def test_fixed_weights_stay_what_they_are(own_modules):
    text = (own_modules / "my_nets.py").read_text()
    write_modules(
        own_modules,
        my_nets=text.replace(
            "return enc", "encoder[0].weight.requires_grad_(False)\n    return enc"
        ),
    )
    (result,) = trained([_own()])
    fixed = "members.0.encoder.0.weight"
    before = OwnVAE((1, 16, 16), 4, result.spec.architecture, [0]).state_dict()
    after = _weights(result)
    assert torch.equal(before[fixed], after[fixed])
    assert not torch.equal(
        before["members.0.encoder.3.weight"], after["members.0.encoder.3.weight"]
    )
