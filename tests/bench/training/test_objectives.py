"""Objectives against closed forms, independent dense computations and finite differences."""

import numpy as np
import pytest
import torch

from bench.training.objective import Members, Terms
from bench.training.objectives import OBJECTIVES, gaussian_kl, maximum_mean_discrepancy
from metrics import kl_per_dimension

from .kinds import KINDS, spec_of, trained

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


def _closed(kind, terms, **fields):
    """Return what an objective adds to reconstruction and KL, by member."""
    learner = learner_of(kind, n_latents=terms.z.shape[-1], **fields)
    loss = learner.loss(terms, torch.ones(K))
    return (loss - terms.reconstruction - terms.kl.sum(-1)).tolist()


@pytest.mark.parametrize("kind", ["dip_vae_i", "dip_vae_ii"])
def test_dip_is_the_distance_of_a_covariance_from_the_identity(kind):
    means, logvars = draws(1, K, B, D), draws(2, K, B, D)
    found = _closed(kind, terms_of(means, logvars, means), lambda_od=3, lambda_d=0.5)
    for member in range(K):
        # Biased, as in disentanglement_lib.
        covariance = np.cov(means[member].numpy().T, bias=True)
        if kind == "dip_vae_ii":
            covariance += np.diag(logvars[member].exp().mean(0).numpy())
        weights = np.where(np.eye(D) > 0, 0.5, 3.0)
        expected = (weights * (covariance - np.eye(D)) ** 2).sum()
        assert found[member] == pytest.approx(expected, rel=1e-12)


def test_dip_is_nothing_for_codes_that_are_as_they_should_be():
    # Three latents that are ±1 with each other's signs unrelated: their covariance is the identity.
    signs = torch.tensor([[i >> j & 1 for j in range(3)] for i in range(8)]).double() * 2 - 1
    means, narrow = signs.expand(K, -1, -1), torch.full((K, 8, 3), -60.0).double()
    assert _closed("dip_vae_i", terms_of(means, narrow, means)) == pytest.approx([0, 0], abs=1e-12)
    assert _closed("dip_vae_ii", terms_of(means, narrow, means)) == pytest.approx([0, 0], abs=1e-12)
    # Samples as wide as the prior: II has a variance of 2 on the diagonal.
    wide = torch.zeros_like(narrow)
    assert _closed("dip_vae_ii", terms_of(means, wide, means), lambda_d=2) == pytest.approx([6, 6])


@pytest.mark.parametrize("kind", ["dip_vae_i", "dip_vae_ii"])
def test_dip_brings_the_covariance_nearer_to_the_identity(kind):
    common = {"steps": 250, "batch_size": 32, "learning_rate": 1e-3, "initialisation": "kaiming"}
    distances = []
    for weight in (0, 20):
        fields = {"lambda_od": weight, "lambda_d": weight}
        (result,) = trained([spec_of(kind, **fields, **common)])
        covariance = np.cov(result.means.T, bias=True)
        if kind == "dip_vae_ii":
            covariance += np.diag(np.exp(result.logvars).mean(0))
        distances.append(((covariance - np.eye(4)) ** 2).sum())
    assert distances[1] < 0.2 * distances[0]


def test_mmd_is_that_of_codes_and_samples_of_the_prior():
    z = 0.5 * draws(1, 1, 40, D) + 1
    prior = draws(2, 4_000, D).numpy()

    def kernel(x, y):
        return np.exp(-((x[:, None] - y[None]) ** 2).sum(-1) / (2 * 2 * D))

    own, codes = kernel(prior, prior), z[0].numpy()
    pairs = kernel(codes, codes)
    sampled = (pairs.sum() - 40) / (40 * 39) - 2 * kernel(codes, prior).mean()
    sampled += (own.sum() - 4_000) / (4_000 * 3_999)
    assert maximum_mean_discrepancy(z).item() == pytest.approx(sampled, abs=0.004)
    assert sampled > 0.1


def test_mmd_has_a_closed_form_for_gaussian_codes():
    """For z ~ N(m, s²) the mean of the kernel is Gaussian too, with all pairs or none."""
    m, s, v = 1.5, 0.5, 2 * D

    def mean(variance, offset):
        return ((v / (v + variance)) ** 0.5 * np.exp(-(offset**2) / (2 * (v + variance)))) ** D

    exact = mean(2 * s**2, 0) - 2 * mean(1 + s**2, m) + mean(2, 0)
    found = maximum_mean_discrepancy(s * draws(3, 500, 64, D) + m)
    # Unbiased: the mean over batches, within four of its standard errors.
    error = float(found.std()) / 500**0.5
    assert found.mean().item() == pytest.approx(exact, abs=4 * error)
    assert error < 0.02 * exact
    of_prior = maximum_mean_discrepancy(draws(4, 500, 64, D))
    assert abs(of_prior.mean().item()) < 4 * float(of_prior.std()) / 500**0.5


def test_info_vae_weighs_kl_and_mmd():
    means, logvars = draws(1, K, B, D), draws(2, K, B, D)
    terms = terms_of(means, logvars, means)
    learner = learner_of("info_vae", alpha=-0.5, lambda_mmd=7)
    beta = learner.control(torch.tensor(0))
    assert beta.tolist() == [1.5, 1.5]
    weighed = 1.5 * terms.kl.sum(-1) + 5.5 * maximum_mean_discrepancy(terms.z)
    assert torch.allclose(learner.loss(terms, beta), terms.reconstruction + weighed)


def test_info_vae_brings_codes_nearer_to_the_prior():
    common = {"steps": 250, "batch_size": 32, "learning_rate": 1e-3}
    left = []
    for weight in (1, 1000):
        (result,) = trained([spec_of("info_vae", alpha=0, lambda_mmd=weight, **common)])
        z = result.means + np.exp(0.5 * result.logvars) * draws(5, *result.means.shape).numpy()
        left.append(maximum_mean_discrepancy(torch.from_numpy(z)[None]).item())
    assert left[1] < 0.5 * left[0]


@pytest.mark.slow
def test_beta_lowers_the_kl_and_c_holds_it():
    common = {"steps": 200, "learning_rate": 2e-3}
    falling = {"beta_start": 16, "beta_end": 1, "anneal_steps": 100}
    rising = [{"gamma": 100, "capacity": capacity, "anneal_steps": 100} for capacity in (1, 4)]
    models = [
        spec_of("vae", **common),
        spec_of("beta_vae", beta=16, **common),
        spec_of("annealed_beta_vae", **falling, **common),
        *[spec_of("capacity_vae", **fields, **common) for fields in rising],
    ]
    free, weighed, released, *held = [
        kl_per_dimension(result.means, result.logvars).sum() for result in trained(models)
    ]
    assert weighed < 0.1 < 4 < min(free, released)
    assert held == pytest.approx([1, 4], abs=0.3)
