"""Factor channels as networks: what they cost, and how a learnt one moves."""

import numpy as np
import pytest
import torch

import datasets
from bench.models.factor_channel import FIRST_KL, ExactChannel, LearntChannel, scaled_factors
from bench.training.objectives import gaussian_kl
from tests.bench.conftest import SMALL_BALL


@pytest.fixture(scope="module")
def ball():
    return datasets.load(**SMALL_BALL)


def _channel(c, share):
    channel = ExactChannel((1, 16, 16), 2, "burgess", seeds=[0])
    channel.share.data[:] = torch.tensor(share)
    channel.set_capacity(torch.tensor([c]))
    return channel


@pytest.mark.parametrize("name", ["ball", "dsprites"])
def test_scaled_factors_have_mean_0_and_variance_1(name):
    dataset = datasets.load(name)
    scaled = scaled_factors(dataset).astype(np.float64)
    assert scaled.mean(0) == pytest.approx(np.zeros(scaled.shape[1]), abs=1e-6)
    assert scaled.var(0) == pytest.approx(np.ones(scaled.shape[1]), abs=1e-6)
    # An increasing function of the class index, with equal steps.
    indices = np.arange(0, len(dataset), 997)
    factors = dataset.factors(indices)
    for column in range(scaled.shape[1]):
        slope = np.polyfit(factors[:, column], scaled[indices, column], 1)
        size = dataset.factor_sizes[column]
        assert slope[0] == pytest.approx((12 / (size**2 - 1)) ** 0.5, rel=1e-5)


def test_kl_of_a_channel_has_its_closed_form(ball):
    channel = _channel(c=4.0, share=[0.6, -1.2])
    gain, log_noise = (part.detach()[0, 0].double() for part in channel.gain_and_log_noise())
    means, logvars = channel.encode(torch.from_numpy(scaled_factors(ball))[None])
    averaged = gaussian_kl(means, logvars).mean(1)[0].detach().numpy()
    expected = 0.5 * (gain**2 + (2 * log_noise).exp() - 1 - 2 * log_noise)
    assert averaged == pytest.approx(expected.numpy(), rel=1e-5)
    # And that is its share of C, at the gain that is worth most at the price.
    assert averaged == pytest.approx([4 * 0.2, 4 * 0.8], rel=1e-5)
    assert (gain**2 + (2 * log_noise).exp()).numpy() == pytest.approx(np.ones(2))
    assert gain[0] > 0 > gain[1]


@pytest.mark.parametrize("u", [0.0, 1e-3, -0.4, 2.0, 30.0])
def test_kl_of_a_learnt_channel_has_its_closed_form(u):
    channel = LearntChannel((1, 16, 16), 2, "burgess", seeds=[0, 1])
    first = gaussian_kl(*channel.encode(torch.ones(2, 1, 2)))
    assert first.detach().flatten().numpy() == pytest.approx(np.full(4, FIRST_KL), rel=1e-4)
    channel.u.data.fill_(u)
    gain, log_noise = (part[1, 0, 0] for part in channel.gain_and_log_noise())
    # At E[f²] = 1 the KL is ln cosh u, the ratio of gain to noise sinh u, and a² + s² = 1.
    kl = gaussian_kl(gain, 2 * log_noise)
    assert kl.item() == pytest.approx(np.log(np.cosh(u)), rel=1e-4, abs=1e-6)
    assert (gain / log_noise.exp()).item() == pytest.approx(np.sinh(u), rel=1e-4, abs=1e-7)
    (slope,) = torch.autograd.grad(kl, channel.u)
    assert slope[1, 0, 0].item() == pytest.approx(np.tanh(u), rel=1e-4, abs=1e-6)
    assert (slope[0] == 0).all()


def test_no_gain_costs_less_for_the_same_ratio_to_the_noise():
    ratio = 3.0
    gain = torch.linspace(0.3, 2, 1701, dtype=torch.float64)
    kl = gaussian_kl(gain, 2 * (gain / ratio).log())
    best = gain[kl.argmin()].item()
    assert best**2 * (1 + ratio**-2) == pytest.approx(1, abs=0.003)
    assert kl.min().item() == pytest.approx(0.5 * np.log(1 + ratio**2), abs=1e-5)


@pytest.mark.parametrize("c", [0.0, 1e-9, 0.5, 25.0])
@pytest.mark.parametrize("share", [[0.0, 1.0], [1e-5, 1.0], [1.0, 1.0]])
def test_gradients_are_finite_where_nothing_is_spent(c, share):
    channel = _channel(c, share)
    means, logvars = channel.encode(torch.ones(1, 3, 2))
    (means.sum() + logvars.sum()).backward()
    assert torch.isfinite(channel.share.grad).all()
    assert torch.isfinite(means).all()
    assert gaussian_kl(means, logvars)[0, 0].sum().item() == pytest.approx(c, abs=2e-6)
    if c == 0.5 and share[0] == 0:
        # A factor that has nothing can come in: its gain has a slope.
        assert channel.share.grad[0, 0, 0] > 0


@pytest.mark.parametrize("gamma", [2.0, 1e4])
def test_a_learnt_channel_takes_a_subgradient_step_that_lands_on_c(gamma):
    channel = LearntChannel((1, 16, 16), 3, "burgess", seeds=[0, 1])
    before = torch.tensor([[[0.4, -1.0, 0.0]], [[0.4, 2.0, 0.01]]])
    channel.u.data.copy_(before)
    channel.u.grad = torch.tensor([[[3.0, 0.0, 0.0]], [[0.0, -4.0, 1.0]]])
    kl = torch.log(torch.cosh(before)).sum((1, 2))
    c, rate = kl + torch.tensor([1e-3, -1e-3]), 1e-4
    channel.descend(rate, torch.full((2,), gamma), c)
    moved = (channel.u.detach() - before) / rate
    # What is beside the gradient of the reconstruction is that of the KL, tanh u, times a pull.
    pull = -(moved + channel.u.grad) / before.tanh()
    expected = pull[:, :, :1].expand(2, 1, 2)
    assert pull[:, :, :2].numpy() == pytest.approx(expected.numpy(), rel=0.01)
    assert pull[:, 0, 0].abs().max() <= gamma * 1.01
    assert channel.u[0, 0, 2] == 0
    left = torch.log(torch.cosh(channel.u.detach())).sum((1, 2)) - c
    if gamma > 1000:
        assert left.numpy() == pytest.approx(np.zeros(2), abs=2e-6)
    else:
        # It pulls as hard as it may, which is not enough.
        assert pull[:, 0, 0].numpy() == pytest.approx([-2, 2], rel=0.01)
        assert left.abs().min() > 1e-4
