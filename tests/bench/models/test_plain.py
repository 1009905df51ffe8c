"""Models in PyTorch's own layers give what ours give."""

import numpy as np
import pytest
import torch
from torch import nn

from bench import load_run
from bench.models.factor_channel import ExactChannel
from bench.models.plain import PlainModel, plain
from bench.models.vae import ARCHITECTURES, VAE
from bench.store.store import Store

STANDARD = (
    *(nn.Sequential, nn.Conv2d, nn.ConvTranspose2d, nn.Linear),
    *(nn.ReLU, nn.Flatten, nn.Unflatten),
)


def _images(shape, n=5):
    return torch.rand(n, *shape, generator=torch.Generator().manual_seed(0))


def _assert_close(found, expected):
    torch.testing.assert_close(found.float(), expected.float(), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("shape", [(1, 64, 64), (3, 64, 64), (1, 16, 16), (2, 32, 32)])
def test_both_architectures_give_the_same_in_standard_layers(architecture, shape):
    # Weights so large that nothing vanishes on its way, in float64 as sums go in another order.
    vae = VAE(shape, 7, architecture, seeds=[3], initialisation="kaiming").double()
    model = plain(vae, architecture)
    assert {type(layer) for layer in model.modules()} <= {PlainModel, *STANDARD}
    images = _images(shape).double()
    codes = torch.randn(5, 7, generator=torch.Generator().manual_seed(1)).double()
    with torch.no_grad():
        for found, expected in zip(model.encode(images), vae.encode(images[None]), strict=True):
            assert found.abs().max() > 0.1
            _assert_close(found, expected[0])
        logits = vae.decode(codes[None])[0]
        assert logits.abs().max() > 0.1
        _assert_close(model.decoder(codes), logits)
        decoded = model.decode(codes)
        _assert_close(decoded, logits.sigmoid())
        assert ((decoded >= 0) & (decoded <= 1)).all()
        torch.testing.assert_close(model(images), model.decode(model.encode(images)[0]))


def test_a_stored_run_in_standard_layers_has_the_codes_that_are_stored(small_store):
    run = next(run for run in Store(small_store).runs() if run.spec.kind == "beta_vae")
    loaded = load_run(run.folder)
    model = loaded.to_torch()
    assert not model.training
    latents = run.latents()
    images = run.spec.dataset.load().images(latents.indices)
    with torch.no_grad():
        means, logvars = model.encode(torch.from_numpy(images).float() / 255)
        pictures = model.decode(means).numpy()
    np.testing.assert_allclose(means, latents.means, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(logvars, latents.logvars, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(pictures, loaded.decode(means.numpy()), rtol=1e-6, atol=1e-6)


def test_it_has_weights_of_its_own_trains_on_and_is_exported():
    vae = VAE((1, 16, 16), 3, "burgess", seeds=[0])
    before = {name: value.clone() for name, value in vae.state_dict().items()}
    state = torch.random.get_rng_state()
    model = plain(vae, "burgess")
    # Nobody's random numbers are touched.
    assert torch.equal(torch.random.get_rng_state(), state)
    images = _images((1, 16, 16))
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = []
    for _ in range(20):
        loss = (model(images) - images).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    assert all(torch.equal(value, before[name]) for name, value in vae.state_dict().items())
    exported = torch.export.export(model, (images,)).module()
    torch.testing.assert_close(exported(images), model(images))


def test_of_a_factor_channel_there_is_the_decoder():
    channel = ExactChannel((3, 16, 16), 2, "locatello", seeds=[4])
    model = plain(channel, "locatello")
    codes = torch.randn(6, 2, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = channel.decode(codes[None])[0].sigmoid()
        _assert_close(model.decode(codes), expected)
    assert model.encoder is None
    with pytest.raises(ValueError, match="a factor channel encodes no images"):
        model.encode(torch.zeros(1, 3, 16, 16))
