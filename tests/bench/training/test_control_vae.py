"""ControlVAE: its controller in plain numbers, and whether it holds what it controls."""

import math

import numpy as np
import pytest
import torch

from bench.training.objective import Terms

from .kinds import spec_of, trained
from .test_objectives import learner_of


def _betas(kls, cs, k_p, k_i):
    """Return the β of every step, by the rule in plain numbers."""
    integral, weight, betas = 0.0, 1.0, []
    for kl, c in zip(kls, cs, strict=True):
        betas.append(max(1.0, weight))
        error = c - kl
        if weight >= 1 or error < 0:
            integral -= k_i * error
        weight = 1 + k_p / (1 + math.exp(error)) + integral
    return betas


def test_a_run_has_the_betas_of_its_kl():
    fields = {"capacity": 3, "capacity_start": 0.5, "anneal_steps": 40, "k_p": 0.5, "k_i": 0.2}
    (result,) = trained([spec_of("control_vae", steps=80, learning_rate=1e-3, **fields)])
    history = result.history
    cs = 0.5 + 2.5 * np.minimum(np.arange(80) / 40, 1)
    expected = _betas(history["kl"], cs, 0.5, 0.2)
    assert history["beta"].to_numpy() == pytest.approx(expected, rel=1e-5)
    assert history["loss"].to_numpy() == pytest.approx(
        (history["reconstruction"] + history["beta"] * history["kl"]).to_numpy(), rel=1e-5
    )
    # It was at its bound and away from it.
    assert min(expected) == 1
    assert max(expected) > 1.5


@pytest.mark.parametrize("kl", [0.0, 500.0])
def test_beta_comes_back_from_its_bound(kl):
    """By the published rule the integral stands still below 1 whatever the KL is."""
    controller = learner_of("control_vae", capacity=20, capacity_start=20, k_p=0.01, k_i=0.1)
    z = torch.zeros(2, 8, 1)
    seen = []
    for step, measured in enumerate([kl] * 5 + [21.0] * 5):
        seen.append(controller.control(torch.tensor(step)).tolist())
        terms = Terms(torch.zeros(2), torch.full((2, 1), measured), z, z, z, 100)
        controller.learn(terms, torch.tensor(step))
    assert seen[0] == [1, 1]
    assert (seen[4][0] > 100) == (kl > 20)
    # Above C it rises, by k_i of the distance a step.
    assert controller.integral[0] == pytest.approx((240 if kl else -2) + 0.5)
    assert np.isfinite(seen).all()


def test_it_holds_the_kl_at_its_set_point():
    common = {"steps": 400, "batch_size": 32, "learning_rate": 1e-3, "anneal_steps": 50}
    specs = [spec_of("control_vae", capacity=c, k_i=0.3, **common) for c in (2, 4)]
    for result, c in zip(trained(specs), (2, 4), strict=True):
        late = result.history[-100:]
        assert late["kl"].mean() == pytest.approx(c, abs=0.15)
        assert late["beta"].mean() > 1.2
