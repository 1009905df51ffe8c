"""The fast formulation trains the model that a plain one trains."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import datasets
from bench.grid.packs import Execution, Pack
from bench.grid.specs import SPEC_ADAPTER
from bench.models.layers import PackedConvTranspose, overlapped, shifted_planes
from bench.models.vae import ARCHITECTURES, VAE
from bench.training import batches
from bench.training.batches import Batches, Images
from bench.training.context import Context
from bench.training.family import VAEFamily
from bench.training.train import train
from benchmarks.textbook import Textbook

STEPS = 200
# Relative difference of the losses allowed at each of the steps: float32 sums in another order, and
# what that makes of the weights in 200 steps.
TOLERANCE = 2e-4


def _spec(**fields):
    common = {"kind": "beta_vae", "beta": 4.0, "dataset": {"name": "ball"}, "steps": STEPS}
    return SPEC_ADAPTER.validate_python({**common, **fields})


class Plain(nn.Module):
    """The paper's architecture from PyTorch's own layers."""

    def __init__(self):
        super().__init__()
        model = Textbook()
        self.encoder, self.decoder = model.encoder, model.decoder

    def take(self, vae):
        """Take over the weights of a pack of one."""
        layers = {
            nn.Conv2d: [],
            nn.Linear: [],
            nn.ConvTranspose2d: [],
        }
        for module in self.modules():
            if type(module) in layers:
                layers[type(module)].append(module)
        linears = [*vae.encoder_linears, *vae.decoder_linears]
        for ours, theirs in zip(linears, layers[nn.Linear], strict=True):
            theirs.weight.data = ours.weight[0].detach().T.clone()
            theirs.bias.data = ours.bias[0, 0].detach().clone()
        convs = [
            *zip(vae.encoder_convs, layers[nn.Conv2d], strict=True),
            *zip(vae.decoder_convs, layers[nn.ConvTranspose2d], strict=True),
        ]
        for ours, theirs in convs:
            theirs.weight.data = ours.weight[0].detach().clone()
            theirs.bias.data = ours.bias[0].detach().clone()
        return self


def _plain_losses(spec, vae, ball):
    """Train the plain model on the same batches and noise; return the loss of every step."""
    plain = Plain().take(vae)
    optimiser = torch.optim.Adam(plain.parameters(), lr=spec.learning_rate)
    batches = Batches([spec], Images(ball, "cpu"), len(ball), "cpu", spec.n_latents)
    losses = []
    for step in range(spec.steps):
        batches.prepare(step)
        (images,), _, (noise,) = batches(torch.tensor(step))
        means, logvars = plain.encoder(images).chunk(2, dim=-1)
        logits = plain.decoder(means + (0.5 * logvars).exp() * noise)
        bce = F.binary_cross_entropy_with_logits(logits, images, reduction="sum")
        kl = 0.5 * (means.square() + logvars.exp() - 1 - logvars).sum()
        loss = (bce + spec.beta * kl) / spec.batch_size
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return np.array(losses)


@pytest.mark.slow
def test_losses_are_those_of_plain_layers_over_200_steps():
    spec, ball = _spec(learning_rate=1e-3, batch_size=16), datasets.load("ball")
    pack = Pack((spec,), Execution())
    vae = VAEFamily(pack, Images(ball, "cpu")).model
    (result,) = train(pack, ball, Context())
    history = result.history
    assert history["step"].tolist() == list(range(1, STEPS + 1))
    expected = _plain_losses(spec, vae, ball)
    losses, half = history["loss"].to_numpy(), STEPS // 2
    assert losses[:half] == pytest.approx(expected[:half], rel=TOLERANCE)
    # What rounding differs by grows from step to step, on some processors faster.
    assert losses == pytest.approx(expected, rel=10 * TOLERANCE)
    # What is compared has moved far from where it began.
    assert expected[-1] < 0.6 * expected[0]


def test_bfloat16_starts_as_float32_does():
    ball = datasets.load("ball")
    losses = {}
    for precision in ("float32", "bfloat16"):
        pack = Pack((_spec(steps=15, batch_size=16),), Execution(precision=precision))
        (result,) = train(pack, ball, Context())
        assert result.means.dtype == np.float32
        losses[precision] = result.history["loss"].to_numpy()
    # Then the loss falls steeply, and what differs is when.
    assert losses["bfloat16"] == pytest.approx(losses["float32"], rel=0.002)
    assert not np.array_equal(losses["bfloat16"], losses["float32"])


@pytest.mark.parametrize("channels", [1, 3])
def test_planes_are_what_a_kernel_sees(channels):
    images = torch.randn(2, 3, channels, 8, 12, dtype=torch.float64)
    planes = shifted_planes(images)
    expected = F.unfold(images.flatten(0, 1), 4, padding=1, stride=2)
    assert torch.equal(
        planes.view(2, channels * 16, 3, 24).transpose(1, 2), expected.view(2, 3, channels * 16, 24)
    )
    # Adjoint: <planes(x), y> = <x, overlapped(y)>.
    other = torch.randn_like(planes)
    back = overlapped(other, tuple(images.shape))
    assert (planes * other).sum().item() == pytest.approx((images * back).sum().item())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("channels", [1, 3])
def test_layers_are_pytorchs_convolutions_with_their_gradients(architecture, channels):
    vae = VAE((channels, 32, 32), 4, architecture, seeds=[3]).double()
    images = torch.rand(1, 5, channels, 32, 32, dtype=torch.float64)
    first, last = vae.encoder_convs[0], vae.decoder_convs[-1]
    features = torch.randn(1, 5, 16, 16, 32, dtype=torch.float64, requires_grad=True)
    plain = features[0].permute(0, 3, 1, 2)
    pairs = [
        (
            first(images.permute(0, 1, 3, 4, 2))[0],
            F.relu(F.conv2d(images[0], first.weight[0], first.bias[0], 2, 1)),
            first,
        ),
        (last(features)[0], F.conv_transpose2d(plain, last.weight[0], last.bias[0], 2, 1), last),
    ]
    for ours, theirs, layer in pairs:
        theirs = theirs.permute(0, 2, 3, 1)
        # The last layer's images are float32 whatever the features are.
        assert torch.allclose(ours.double(), theirs, atol=1e-5)
        wanted = [layer.weight, layer.bias, *([features] if layer is last else [])]
        weighting = torch.randn_like(theirs)
        found = torch.autograd.grad((ours.double() * weighting).sum(), wanted)
        expected = torch.autograd.grad((theirs * weighting).sum(), wanted)
        for a, b in zip(found, expected, strict=True):
            assert torch.allclose(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("precision", ["float64", "bfloat16"])
@pytest.mark.parametrize("pack", [1, 2])
def test_transposed_layers_have_the_gradients_of_pytorchs(pack, precision):
    dtype = getattr(torch, precision)
    layer = PackedConvTranspose(pack, 6, 5, 4)
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter)
    layer.to(torch.float64 if precision == "float64" else torch.float32)
    x = torch.randn(pack, 3, 8, 8, 6).to(dtype).requires_grad_()
    weighting = torch.randn(pack, 3, 16, 16, 5).to(dtype)
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
        ours = layer(x)
        plain = [
            F.relu(F.conv_transpose2d(own.permute(0, 3, 1, 2), w, b, 2, 1))
            for own, w, b in zip(x, layer.weight, layer.bias, strict=True)
        ]
        theirs = torch.stack(plain).permute(0, 1, 3, 4, 2)
    assert ours.dtype == dtype
    assert torch.equal(ours, theirs)
    wanted = [x, layer.weight, layer.bias]
    found = torch.autograd.grad(ours, wanted, weighting)
    expected = torch.autograd.grad(theirs, wanted, weighting)
    tolerance = 1e-10 if precision == "float64" else 2e-2
    for a, b in zip(found, expected, strict=True):
        assert torch.allclose(a, b, rtol=tolerance, atol=tolerance * float(b.abs().max()))


@pytest.mark.parametrize("shape", ["disc", "blob"])
def test_bits_on_the_device_are_the_images(shape, monkeypatch):
    monkeypatch.setattr(batches, "_PIECE_IMAGES", 100)
    ball = datasets.load("ball", shape=shape, radius=4)
    indices = np.array([5, 0, 1023, 77])
    resident = Images(ball, "cpu", resident=True)
    assert (ball.packed_bits() is not None) == (shape == "disc")
    expected = torch.from_numpy(ball.images(indices)).float() / 255
    assert torch.equal(resident(indices), expected)
    assert torch.equal(resident(torch.from_numpy(indices)), expected)


def test_an_initialisation_scales_weights_alone():
    vaes = {name: VAE((1, 32, 32), 4, "burgess", [3], name) for name in ("pytorch", "kaiming")}
    states = {name: vae.state_dict() for name, vae in vaes.items()}
    for key, default in states["pytorch"].items():
        gain = 6**0.5 if key.endswith("weight") else 1.0
        assert torch.allclose(states["kaiming"][key], gain * default, rtol=1e-6), key
    layer = vaes["pytorch"].encoder_linears[0]
    bound = layer.fan_in**-0.5
    assert 0.98 * bound < float(layer.weight.detach().abs().max()) <= bound


def test_he_initialisation_lets_codes_differ_between_images_from_the_start():
    # By a sixth a layer the variance between images is lost in PyTorch's default.
    images = torch.from_numpy(np.random.default_rng(0).random((1, 64, 1, 64, 64), np.float32))
    with torch.no_grad():
        spread = {
            name: float(VAE((1, 64, 64), 10, "burgess", [0], name).encode(images)[0].std(1).mean())
            for name in ("pytorch", "kaiming")
        }
    assert spread["kaiming"] > 50 * spread["pytorch"]
