"""Objectives against closed forms, independent dense computations and finite differences."""

import pytest
import torch

from bench.training.objective import Members, Terms
from bench.training.objectives import OBJECTIVES, gaussian_kl

from .kinds import KINDS, spec_of

K, B, D = 2, 6, 3


def terms_of(means, logvars, noise, **fields):
    """Return terms with the codes' own KL, and a reconstruction that depends on them."""
    z = means + (0.5 * logvars).exp() * noise
    kl = gaussian_kl(means, logvars).mean(1)
    return Terms(z.square().sum(-1).mean(1), kl, z, means, logvars, 100, **fields)


def draws(seed, *shape):
    """Return standard normal numbers in double precision."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).double()


def learner_of(kind, n_latents=D, seeds=(0, 1), **fields):
    """Return an objective at work on equal members, in double precision."""
    settings = {
        name: torch.full((len(seeds),), float(value)).double()
        for name, value in spec_of(kind, **fields)
        if isinstance(value, int | float)
    }
    members = Members(settings, seeds, n_latents)
    return OBJECTIVES[kind].learner(OBJECTIVES[kind], members).double()


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_finite_differences(kind, monkeypatch):
    monkeypatch.setattr("bench.training.factor_vae.WIDTH", 8)
    learner, noise, step = learner_of(kind), draws(0, K, B, D), torch.tensor(3)
    learner.learn(terms_of(noise, noise, noise, fresh=noise).each(torch.Tensor.detach), step)

    def loss(means, logvars):
        return learner.loss(terms_of(means, logvars, noise), learner.control(step).double())

    codes = [draws(seed, K, B, D).requires_grad_() for seed in (1, 2)]
    assert torch.autograd.gradcheck(loss, codes)
    # Of a member's own codes alone.
    (gradient,) = torch.autograd.grad(loss(*codes)[0], codes[:1])
    assert gradient[0].abs().min() > 0
    assert not gradient[1].any()
