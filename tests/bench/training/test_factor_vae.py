"""FactorVAE: the discriminator's estimate, its own training, and what it does to codes."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from bench.training import factor_vae
from bench.training.objective import Terms
from metrics import MetricWarning, kl_decomposition

from .kinds import spec_of, trained
from .test_objectives import draws, learner_of, terms_of

B, D = 8, 3


def _plain(discriminator, member):
    """Return one member's discriminator of PyTorch's own layers."""
    layers = []
    for ours in discriminator.layers:
        theirs = nn.Linear(*ours.weight.shape[1:]).double()
        theirs.weight.data = ours.weight[member].detach().T.clone()
        theirs.bias.data = ours.bias[member, 0].detach().clone()
        layers += [theirs, nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers[:-1])


def _terms(z, fresh=None):
    return Terms(torch.zeros(len(z)), torch.zeros(len(z), D), z, z, z, 100, fresh)


def test_the_network_is_the_papers():
    discriminator = learner_of("factor_vae")
    shapes = [tuple(layer.weight.shape[1:]) for layer in discriminator.layers]
    assert shapes == [(D, 1000), *[(1000, 1000)] * 5, (1000, 2)]
    (group,) = discriminator.optimiser.param_groups
    assert (group["lr"], group["betas"]) == (1e-4, (0.5, 0.9))


def test_members_start_by_their_seed():
    both = learner_of("factor_vae")
    alone = learner_of("factor_vae", seeds=[1])
    for ours, theirs in zip(both.parameters(), alone.parameters(), strict=True):
        assert torch.equal(ours[1:], theirs)
        assert not torch.equal(ours[:1], theirs)
    # He's bound, as it is for models with that initialisation.
    widest = float(both.layers[1].weight.detach().abs().max())
    assert 0.99 * math.sqrt(6 / 1000) < widest <= math.sqrt(6 / 1000)


def test_penalty_and_cross_entropy_are_those_of_plain_layers(monkeypatch):
    monkeypatch.setattr("bench.training.factor_vae.WIDTH", 16)
    discriminator = learner_of("factor_vae", gamma=7, warm_up_steps=0)
    noise = draws(0, 2, B, D)
    terms = terms_of(draws(1, 2, B, D), draws(2, 2, B, D), noise, fresh=draws(3, 2, B, D))
    loss = discriminator.loss(terms, discriminator.control(torch.tensor(0)))
    own = discriminator.cross_entropy(terms)
    for member in range(2):
        plain, z = _plain(discriminator, member), terms.z[member]
        logits = plain(z)
        tc = (logits[:, 0] - logits[:, 1]).mean()
        expected = terms.reconstruction[member] + terms.kl[member].sum() + 7 * tc
        assert loss[member].item() == pytest.approx(expected.item(), rel=1e-12)
        order = np.argsort(terms.fresh[member, : B // 2].numpy(), axis=0)
        apart = np.take_along_axis(z[B // 2 :].detach().numpy(), order, axis=0)
        joint = F.cross_entropy(plain(z[: B // 2]), torch.zeros(B // 2, dtype=torch.long))
        others = F.cross_entropy(plain(torch.tensor(apart)), torch.ones(B // 2, dtype=torch.long))
        assert own[member].item() == pytest.approx((joint + others).item() / 2, rel=1e-12)


@pytest.mark.parametrize("batch", [2, 7, 8])
def test_latents_are_permuted_each_by_itself_within_the_second_half(batch, monkeypatch):
    seen = []
    monkeypatch.setattr("bench.training.factor_vae.WIDTH", 4)
    discriminator = learner_of("factor_vae")
    monkeypatch.setattr(
        discriminator, "_log_ratio", lambda z: seen.append(z) or z.sum(-1), raising=True
    )
    z = torch.arange(2 * batch * D).view(2, batch, D).double()
    discriminator.cross_entropy(_terms(z, draws(0, 2, batch, D)))
    joint, apart = seen
    half = batch // 2
    assert torch.equal(joint, z[:, :half])
    assert torch.equal(apart.sort(dim=1).values, z[:, half : 2 * half])
    if batch == 8:
        orders = {tuple((column // D).long().tolist()) for column in apart[0].T}
        assert len(orders) == D


def test_its_own_gradient_is_that_of_finite_differences(monkeypatch):
    monkeypatch.setattr("bench.training.factor_vae.WIDTH", 4)
    discriminator = learner_of("factor_vae")
    terms = _terms(draws(1, 2, B, D), draws(3, 2, B, D))
    parameters = dict(discriminator.named_parameters())

    def loss(*values):
        named = dict(zip(parameters, values, strict=True))
        with torch.nn.utils.stateless._reparametrize_module(discriminator, named):
            return discriminator.cross_entropy(terms)

    values = [value.detach().clone().requires_grad_() for value in parameters.values()]
    assert torch.autograd.gradcheck(loss, values)


def test_its_estimate_becomes_the_total_correlation(monkeypatch):
    monkeypatch.setattr("bench.training.factor_vae.WIDTH", 32)
    monkeypatch.setattr("bench.training.factor_vae.LEARNING_RATE", 1e-3)
    discriminator = learner_of("factor_vae", n_latents=2).float()
    correlation = torch.tensor([0.0, 0.9])
    mixing = torch.eye(2).repeat(2, 1, 1)
    mixing[:, 1, 0], mixing[:, 1, 1] = correlation, (1 - correlation.square()).sqrt()
    found = []
    for step in range(500):
        z = draws(step, 2, 256, 2).float() @ mixing.transpose(1, 2)
        if step >= 250:
            found.append(discriminator.total_correlation(z).detach())
        discriminator.learn(_terms(z, draws(10_000 + step, 2, 256, 2)), torch.tensor(step))
    exact = -0.5 * torch.log1p(-correlation.square())
    assert float(exact[1]) > 0.8
    assert torch.stack(found).mean(0).tolist() == pytest.approx(exact.tolist(), abs=0.1)


def test_models_and_discriminator_move_by_their_own_losses_alone(monkeypatch):
    monkeypatch.setattr("bench.training.factor_vae.WIDTH", 16)
    # Without its own step a discriminator stays where it is, and has no gradient of the model's.
    monkeypatch.setattr("bench.training.factor_vae.Discriminator.learn", lambda *_: None)
    found = []
    loss = factor_vae.Discriminator.loss

    def watched(self, terms, control):
        found.append([(p.detach().clone(), p.grad) for p in self.parameters()])
        return loss(self, terms, control)

    monkeypatch.setattr("bench.training.factor_vae.Discriminator.loss", watched)
    trained([spec_of("factor_vae", steps=3)])
    for now, later in zip(found[0], found[-1], strict=True):
        assert torch.equal(now[0], later[0])
        assert later[1] is None


@pytest.mark.slow
def test_codes_have_less_total_correlation_than_those_of_a_vae(monkeypatch):
    monkeypatch.setattr("bench.training.factor_vae.WIDTH", 128)
    monkeypatch.setattr("bench.training.factor_vae.LEARNING_RATE", 1e-3)
    common = {"steps": 400, "batch_size": 64, "learning_rate": 1e-3, "initialisation": "kaiming"}
    left = []
    for result in trained(
        [spec_of("factor_vae", gamma=gamma, warm_up_steps=0, **common) for gamma in (0, 5)]
    ):
        # All images are encoded: that they are few is no matter of sampling.
        with pytest.warns(MetricWarning, match="64 samples"):
            left.append(kl_decomposition(result.means, result.logvars).total_correlation)
    assert left[1] < 0.7 * left[0]
