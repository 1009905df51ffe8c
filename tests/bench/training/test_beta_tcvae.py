"""β-TCVAE's parts of the KL against loops over densities, and the warm-up of one of them."""

import math

import numpy as np
import pytest
import torch
from scipy.special import logsumexp
from scipy.stats import norm

from bench.training.beta_tcvae import estimates
from bench.training.objectives import OBJECTIVES
from metrics import MetricWarning, kl_decomposition

from .kinds import spec_of, trained
from .test_objectives import B, D, K, draws, learner_of, terms_of

N_IMAGES = 100


@pytest.fixture
def terms():
    return terms_of(draws(1, K, B, D), draws(2, K, B, D), draws(3, K, B, D))


def _parts(terms, member):
    """Return mutual information, total correlation and dimension-wise KL, a density at a time."""
    z, means = terms.z[member].numpy(), terms.means[member].numpy()
    sigmas = (0.5 * terms.logvars[member]).exp().numpy()
    log_q = np.array([[norm.logpdf(z[i], means[k], sigmas[k]) for k in range(B)] for i in range(B)])
    # Every image of the batch stands for N / B of those that there are: weight 1 / (N B) each.
    log_joint = logsumexp(log_q.sum(2), axis=1) - math.log(N_IMAGES * B)
    log_marginals = (logsumexp(log_q, axis=1) - math.log(N_IMAGES * B)).sum(1)
    own = np.array([log_q[i, i].sum() for i in range(B)])
    prior = norm.logpdf(z).sum(1)
    return (
        (own - log_joint).mean(),
        (log_joint - log_marginals).mean(),
        (log_marginals - prior).mean(),
    )


def test_the_parts_are_those_of_loops_over_densities(terms):
    for member in range(K):
        _, correlation, dimension_wise = _parts(terms, member)
        found = [float(part[member]) for part in estimates(terms)]
        assert found == pytest.approx([correlation, dimension_wise], rel=1e-12)


def test_the_loss_is_the_sum_of_the_parts(terms):
    # With the KL of the samples in place of its mean over them, as a sum of estimates has it.
    learner = learner_of("beta_tcvae", beta=6, warm_up_steps=10)
    for step, share in {0: 0.0, 5: 0.5, 10: 1.0, 99: 1.0}.items():
        control = learner.control(torch.tensor(step))
        loss = learner.loss(terms, control)
        for member in range(K):
            information, correlation, dimension_wise = _parts(terms, member)
            sampled = information + correlation + dimension_wise
            own = terms.reconstruction[member] + terms.kl[member].sum() - sampled
            expected = own + information + 6 * correlation + share * dimension_wise
            assert loss[member].item() == pytest.approx(expected.item(), rel=1e-12)


def test_without_a_warm_up_nothing_is_added(terms):
    learner, step = learner_of("beta_tcvae", beta=6, warm_up_steps=0), torch.tensor(3)
    expected = OBJECTIVES["beta_tcvae"](terms, step, learner.settings)
    assert torch.equal(learner.loss(terms, learner.control(step)), expected)


def test_the_weight_of_factor_vaes_penalty_rises(terms, monkeypatch):
    monkeypatch.setattr("bench.training.factor_vae.WIDTH", 8)
    learner = learner_of("factor_vae", gamma=7, warm_up_steps=10)
    penalty = 7 * learner.total_correlation(terms.z)
    assert penalty.abs().min() > 1e-6
    for step, share in {0: 0.0, 5: 0.5, 10: 1.0, 99: 1.0}.items():
        loss = learner.loss(terms, learner.control(torch.tensor(step)))
        expected = terms.reconstruction + terms.kl.sum(-1) + share * penalty
        assert torch.allclose(loss, expected, rtol=1e-12, atol=0)


@pytest.mark.slow
def test_codes_have_less_total_correlation_than_those_of_a_vae():
    common = {"steps": 250, "batch_size": 64, "learning_rate": 1e-3, "warm_up_steps": 0}
    left = []
    for result in trained([spec_of("beta_tcvae", beta=beta, **common) for beta in (1, 10)]):
        # All images are encoded: that they are few is no matter of sampling.
        with pytest.warns(MetricWarning, match="64 samples"):
            left.append(kl_decomposition(result.means, result.logvars))
    assert left[1].total_correlation < 0.5 * left[0].total_correlation
    assert left[1].mutual_information > 0.8 * left[0].mutual_information
