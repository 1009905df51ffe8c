"""On a GPU: the same training, whichever way it is computed. Skipped where there is none."""

import numpy as np
import pytest
import torch
from scipy.stats import ttest_1samp

import datasets
from bench.grid.packs import Execution, Pack
from bench.grid.specs import SPEC_ADAPTER
from bench.training.batches import Images
from bench.training.context import Context
from bench.training.cuda_graph import Replay
from bench.training.family import VAEFamily
from bench.training.process import set_products
from bench.training.train import Training, train
from tests.bench.training.kinds import KINDS

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here"),
    pytest.mark.slow,
]
STEPS = 200
# As in test_same_training: relative differences of the losses allowed at any of the steps.
TOLERANCE = 2e-4
# Two one-sided tests over ten seeds, in nats per image.
MARGIN = 0.3


@pytest.fixture(autouse=True)
def _float32():
    set_products(Execution("cuda"))


def _specs(count=1, kind="beta_vae", **fields):
    common = {
        "kind": kind,
        **KINDS[kind],
        "dataset": {"name": "ball"},
        "steps": STEPS,
        "learning_rate": 1e-3,
        "batch_size": 16,
        **fields,
    }
    return tuple(SPEC_ADAPTER.validate_python({**common, "seed": seed}) for seed in range(count))


def _losses(specs, execution):
    results = list(train(Pack(specs, execution), datasets.load("ball"), Context()))
    return np.stack([result.history["loss"].to_numpy() for result in results])


@pytest.mark.parametrize("kind", KINDS)
def test_a_gpu_trains_as_the_host_does(kind):
    # Rounding grows faster under other objectives, so fewer steps are compared.
    specs = _specs(kind=kind, steps=STEPS if kind in ("vae", "beta_vae") else 50)
    gpu, host = _losses(specs, Execution("cuda")), _losses(specs, Execution("cpu"))
    assert gpu == pytest.approx(host, rel=TOLERANCE)


def test_on_a_gpu_the_loss_falls():
    found = _losses(_specs(), Execution("cuda"))
    assert found[0, -1] < 0.6 * found[0, 0]


def test_packed_is_alone():
    specs = _specs(4)
    alone = np.concatenate([_losses((spec,), Execution("cuda")) for spec in specs])
    assert _losses(specs, Execution("cuda")) == pytest.approx(alone, rel=TOLERANCE)


@pytest.mark.parametrize("kind", KINDS)
def test_recorded_is_eager(kind, monkeypatch):
    specs = _specs(2, kind)
    recorded = _losses(specs, Execution("cuda"))
    monkeypatch.setattr("bench.training.train.Replay", lambda recorded: Replay(recorded=False))
    assert np.array_equal(recorded, _losses(specs, Execution("cuda")))


def test_training_repeats_to_the_bit():
    specs = _specs(2)
    assert np.array_equal(*(_losses(specs, Execution("cuda")) for _ in range(2)))


def test_a_checkpoint_is_gone_on_from_to_the_bit():
    ball = datasets.load("ball")
    pack, images = Pack(_specs(2), Execution("cuda")), Images(ball, "cuda")
    whole = Training(pack, images, VAEFamily(pack, images))
    for _ in range(STEPS):
        whole.advance()
    first = Training(pack, images, VAEFamily(pack, images))
    for _ in range(150):
        first.advance()
    second = Training(pack, images, VAEFamily(pack, images))
    second.load(first.saved())
    for _ in range(STEPS - 150):
        second.advance()
    for name, value in whole.family.model.state_dict().items():
        assert torch.equal(value, second.family.model.state_dict()[name]), name


@pytest.mark.parametrize("precision", ["tf32", "bfloat16"])
def test_lower_precisions_start_as_float32_does(precision):
    specs = _specs(2, steps=20)
    execution = Execution("cuda", precision)
    set_products(execution)
    found = _losses(specs, execution)
    set_products(Execution("cuda"))
    assert found == pytest.approx(_losses(specs, Execution("cuda")), rel=0.01)


def test_images_that_are_not_resident_train_the_same(monkeypatch):
    specs = _specs(2, steps=20)
    resident = _losses(specs, Execution("cuda"))
    monkeypatch.setattr("bench.training.batches.RESIDENT_BYTES", 0)
    assert np.array_equal(resident, _losses(specs, Execution("cuda")))


def test_a_member_that_diverges_is_out_and_spoils_no_other():
    specs = (*_specs(2), *_specs(1, beta=1e39))
    results = list(train(Pack(specs, Execution("cuda")), datasets.load("ball"), Context()))
    assert [getattr(result, "reason", None) is not None for result in results].count(True) == 1
    alone = _losses(specs[:2], Execution("cuda"))
    found = np.stack([r.history["loss"].to_numpy() for r in results if hasattr(r, "history")])
    assert found == pytest.approx(alone, rel=TOLERANCE)


def test_ten_seeds_packed_end_as_ten_alone():
    specs = _specs(10, steps=4000, initialisation="kaiming")
    ball, ends = datasets.load("ball"), {}
    for name, packs in {"packed": [specs], "alone": [(spec,) for spec in specs]}.items():
        results = [
            r for pack in packs for r in train(Pack(pack, Execution("cuda")), ball, Context())
        ]
        ends[name] = np.array(
            [[r.reconstruction, r.history["kl"].iloc[-50:].mean()] for r in results]
        )
    for column in (0, 1):
        difference = ends["packed"][:, column] - ends["alone"][:, column]
        above = ttest_1samp(difference, -MARGIN, alternative="greater").pvalue
        below = ttest_1samp(difference, MARGIN, alternative="less").pvalue
        assert max(above, below) < 0.05, difference
