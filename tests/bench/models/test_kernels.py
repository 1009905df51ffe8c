"""The GPU's kernels are convolutions: interpreted where there is no GPU, on it where there is."""

import os
import subprocess
import sys

import pytest
import torch
from torch.nn import functional as F

ON_GPU = torch.cuda.is_available()
if not ON_GPU:
    # Read when Triton is imported, which nothing else does here.
    os.environ["TRITON_INTERPRET"] = "1"
pytest.importorskip("triton", reason="Triton is not installed")
from bench.models import cuda  # noqa: E402 - imports Triton, so after its setting

DEVICE = "cuda" if ON_GPU else "cpu"
# Channels of the big side and of the small one, size of the kernel: those of both architectures.
LAYERS = [(1, 32, 4), (3, 32, 4), (32, 32, 4), (32, 64, 2), (64, 64, 2), (64, 32, 4)]
# Relative to the whole tensor. The interpreter has no bfloat16 products.
TOLERANCES = {torch.float32: 1e-6}
if ON_GPU:
    TOLERANCES[torch.bfloat16] = 2e-2
PACK, BATCH = 2, 3


def _tensors(seed, *shapes):
    source = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=source).to(DEVICE).requires_grad_() for shape in shapes]


def _check(ours, theirs, inputs, dtype):
    """Compare a result and its gradients with those of float64."""
    exact = [x.detach().double().requires_grad_() for x in inputs]
    with torch.autocast(DEVICE, torch.bfloat16, enabled=dtype == torch.bfloat16):
        found = ours(*inputs)
    expected = theirs(*exact)
    weighting = torch.randn_like(expected)
    pairs = [(found, expected)]
    pairs += zip(
        torch.autograd.grad((found * weighting).sum(), inputs),
        torch.autograd.grad((expected * weighting).sum(), exact),
        strict=True,
    )
    for a, b in pairs:
        assert a.shape == b.shape
        assert (
            float((a.detach().double() - b.detach()).norm() / b.detach().norm()) < TOLERANCES[dtype]
        )


def _members(convolution, padding):
    """Return PyTorch's convolution of each member, channels last."""

    def apply(x, weight, bias):
        each = [
            convolution(x[k].permute(0, 3, 1, 2), weight[k], bias[k], 2, padding)
            for k in range(len(x))
        ]
        return torch.stack(each).permute(0, 1, 3, 4, 2)

    return apply


@pytest.mark.parametrize("dtype", TOLERANCES, ids=str)
@pytest.mark.parametrize(("big", "small", "size"), LAYERS)
def test_a_convolution_is_pytorchs_with_its_gradients(big, small, size, dtype):
    # Sides that are no power of two and a batch that fills no tile.
    inputs = _tensors(0, (PACK, BATCH, 12, 20, big), (PACK, small, big, size, size), (PACK, small))
    if big < 16:
        # Nobody asks for the gradient of an image.
        image, *inputs = inputs
        convolve = _members(F.conv2d, size // 2 - 1)
        _check(
            lambda *rest: cuda.convolve(image.detach(), *rest),
            lambda *rest: F.relu(convolve(image.detach().double(), *rest)),
            inputs,
            dtype,
        )
    else:
        convolve = _members(F.conv2d, size // 2 - 1)
        _check(cuda.convolve, lambda *every: F.relu(convolve(*every)), inputs, dtype)


@pytest.mark.parametrize("dtype", TOLERANCES, ids=str)
@pytest.mark.parametrize(("big", "small", "size"), LAYERS)
def test_a_transposed_convolution_is_pytorchs_with_its_gradients(big, small, size, dtype):
    inputs = _tensors(1, (PACK, BATCH, 6, 10, small), (PACK, small, big, size, size), (PACK, big))
    convolve = _members(F.conv_transpose2d, size // 2 - 1)
    # Of an image they are logits.
    expected = convolve if big < 16 else lambda *every: F.relu(convolve(*every))
    _check(cuda.convolve_transposed, expected, inputs, dtype)


def test_a_gradient_does_not_depend_on_how_it_is_divided(monkeypatch):
    x, weight, bias = _tensors(2, (1, 4, 16, 16, 32), (1, 32, 32, 4, 4), (1, 32))
    found = []
    for programs in (1, 10_000):
        monkeypatch.setattr(cuda, "_PROGRAMS", programs)
        out = cuda.convolve(x, weight, bias)
        found.append(torch.autograd.grad(out.square().sum(), (weight, bias)))
    for whole, divided in zip(*found, strict=True):
        assert torch.allclose(whole, divided, rtol=1e-4, atol=1e-3)


def test_members_share_nothing():
    x, weight, bias = _tensors(3, (3, 2, 8, 8, 32), (3, 32, 32, 4, 4), (3, 32))
    together = cuda.convolve(x, weight, bias)
    for k in range(3):
        alone = cuda.convolve(x[k : k + 1], weight[k : k + 1], bias[k : k + 1])
        assert torch.equal(together[k], alone[0])
    with torch.no_grad():
        weight[1] = float("nan")
    (gradient,) = torch.autograd.grad(cuda.convolve(x, weight, bias).sum(), weight)
    assert torch.isnan(cuda.convolve(x, weight, bias)[1]).any()
    for k in (0, 2):
        assert torch.equal(cuda.convolve(x, weight, bias)[k], together[k])
        assert torch.isfinite(gradient[k]).all()


COMPILE = """
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource, compile
from bench.models import kernels

for kind, precision in (("*bf16", "ieee"), ("*fp32", "tf32x3")):
    sizes = {"images": "i32", "height": "i32", "width": "i32"}
    layer = {"mask": kind, "weight": kind, "bias": "*fp32"}
    shape = {"CB": 32, "CS": 32, "SIZE": 4, "PRECISION": precision}
    flags = {"MASKED": True, "BIASED": True, "RECTIFIED": True}
    jobs = [
        (kernels.down, {"big": kind, **layer, "small": kind, **sizes},
         {**shape, **flags, "DEPTH": 32, "ROWS": 128}),
        (kernels.down, {"big": "*fp32", **layer, "small": kind, **sizes},
         {**shape, **flags, "CB": 1, "MASKED": False, "DEPTH": 16, "ROWS": 128}),
        (kernels.up, {"small": kind, **layer, "big": kind, **sizes},
         {**shape, **flags, "ROWS": 128}),
        (kernels.up_to_image,
         {"small": kind, "weight": kind, "bias": "*fp32", "big": "*fp32", **sizes},
         {**shape, "CB": 1, "WIDTH": 16, "ROWS": 128}),
        (kernels.gradient,
         {"big": kind, "big_mask": kind, "small": kind, "small_mask": kind, "product": "*fp32",
          "big_sums": "*fp32", "small_sums": "*fp32", **sizes, "tiles": "i32"},
         {**shape, "TAPS": 128, "BIG_MASKED": True, "SMALL_MASKED": False,
          "BFLOAT16": kind == "*bf16", "ROWS": 64}),
    ]
    for function, types, fixed in jobs:
        signature = {**types, **dict.fromkeys(fixed, "constexpr")}
        source = ASTSource(function, signature=signature, constexprs=fixed)
        made = compile(source, target=GPUTarget("cuda", 90, 32))
        assert "mma" in made.asm["ptx"], function
        print(function.__name__, precision)
"""


@pytest.mark.slow
def test_kernels_compile_for_a_gpu_that_is_not_here(tmp_path):
    environment = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    done = subprocess.run(
        [sys.executable, "-c", COMPILE],
        env={**environment, "TRITON_CACHE_DIR": str(tmp_path), "PYTHONPATH": os.getcwd()},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 10


def test_a_training_step_on_the_kernels_is_the_hosts(monkeypatch):
    """The whole model, forward and backward, with the GPU's layers in place of the host's."""
    from bench.models import layers as convolutions
    from bench.models.vae import VAE

    vae = VAE((1, 32, 32), 4, "burgess", seeds=[0], initialisation="kaiming").to(DEVICE)
    (images,) = _tensors(4, (1, 2, 1, 32, 32))

    def gradients():
        means, logvars = vae.encode(images.detach())
        loss = vae.decode(means).square().mean() + logvars.square().mean()
        return torch.autograd.grad(loss, list(vae.parameters()))

    host = [gradient.cpu() for gradient in gradients()] if DEVICE == "cpu" else None
    if host is None:
        monkeypatch.setattr(convolutions, "_cuda", lambda: None)
        host = gradients()
        monkeypatch.undo()
        found = gradients()
    else:
        for kind in (convolutions.PackedConv, convolutions.ImageConv):
            monkeypatch.setattr(
                kind, "_host", lambda self, x: cuda.convolve(x, self.weight, self.bias)
            )
        for kind in (convolutions.PackedConvTranspose, convolutions.ImageConvTranspose):
            monkeypatch.setattr(
                kind, "_host", lambda self, x: cuda.convolve_transposed(x, self.weight, self.bias)
            )
        found = gradients()
    for a, b in zip(found, host, strict=True):
        assert torch.allclose(a, b, rtol=1e-3, atol=1e-6)
