"""Architectures by own code: in a pack a member is what it is alone; what cannot be is refused."""

import pytest
import torch

from bench.errors import OwnCodeError
from bench.grid.own_code import pinned
from bench.models.own_vae import OwnVAE
from tests.bench.own_examples import write_modules

SHAPE, LATENTS = (3, 16, 16), 4
HEAD = "import torch\nfrom torch import nn\nC = 3 * 16 * 16\n"
ENCODER = "nn.Sequential(nn.Flatten(), nn.Linear(C, 8))"
DECODER = "nn.Sequential(nn.Linear(4, C), nn.Unflatten(1, (3, 16, 16)))"


def _made(folder, seeds, body=None):
    if body is None:
        return OwnVAE(SHAPE, LATENTS, pinned("my_nets:small", allow_imports=True), seeds)
    write_modules(folder, my_made=f"{HEAD}def made(image_shape, n_latents):\n    {body}\n")
    return OwnVAE(SHAPE, LATENTS, pinned("my_made:made", allow_imports=True), seeds)


@pytest.mark.parametrize(
    "body", [None, f"return nn.Sequential(nn.Flatten(), nn.LazyLinear(8)), {DECODER}"]
)
def test_a_member_of_a_pack_is_what_it_is_alone(own_modules, body):
    before = torch.get_rng_state()
    pack, alone = _made(own_modules, [3, 5], body), _made(own_modules, [5], body)
    assert torch.equal(before, torch.get_rng_state())
    images, codes = torch.rand(2, 6, *SHAPE), torch.randn(2, 6, LATENTS)
    for together, single in zip(pack.encode(images), alone.encode(images[1:]), strict=True):
        assert together.shape == (2, 6, LATENTS)
        assert torch.equal(together[1:], single)
    assert torch.equal(pack.decode(codes)[1:], alone.decode(codes[1:]))
    own = pack.member_state(1)
    assert own.keys() == alone.state_dict().keys()
    assert all(torch.equal(value, own[name]) for name, value in alone.state_dict().items())
    first = pack.member_state(0)
    assert any(not torch.equal(value, first[name]) for name, value in own.items())
    assert pack.training


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("return None", "must return two modules, an encoder and a decoder, not NoneType"),
        (f"return {ENCODER}, 3", "must return two modules"),
        (
            f"return nn.Flatten(), {DECODER}",
            r"the encoder .* \(2, 8\) for 2 images, not \(2, 768\)",
        ),
        (f"return {ENCODER}, nn.Linear(4, 9)", r"the decoder .* \(2, 3, 16, 16\) .*, not \(2, 9\)"),
        (
            f"return nn.Sequential({ENCODER}, nn.Dropout()), {DECODER}",
            "draws random numbers while it trains, as dropout does",
        ),
    ],
)
def test_what_cannot_be_trained_is_refused(own_modules, body, reason):
    with pytest.raises(OwnCodeError, match=rf"^my_made:made@\w+:? .*{reason}"):
        _made(own_modules, [0], body)
