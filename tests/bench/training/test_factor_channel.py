"""The factor channel: what it encodes and costs, its training, snapshots and figure."""

import io
import json

import numpy as np
import pytest
import torch

import datasets
from bench.analysis.study import load_study
from bench.grid.packs import Execution, Pack
from bench.models.factor_channel import FIRST_KL, scaled_factors
from bench.models.load import load_run
from bench.pipeline import run_grid
from bench.plots import FIGURES, svg_text
from bench.store.frames import read_frames
from bench.store.snapshots import KL_SHOWN, read_snapshots, snapshot_bytes
from bench.store.store import Store
from bench.training.batches import Images
from bench.training.checkpoints import Checkpoints
from bench.training.context import Context
from bench.training.factor_channel import ChannelFamily, capacity_at, snapshot_steps
from bench.training.objectives import OBJECTIVES, Terms
from bench.training.producers import PRODUCERS
from bench.training.train import Training
from tests.bench.conftest import SMALL_BALL
from tests.bench.factor_channels import CHANNEL, GRID, LEARNT, channel_spec


class PluggedOutError(Exception):
    """Somebody pulled the plug."""


@pytest.fixture(scope="module")
def ball():
    return datasets.load(**SMALL_BALL)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Return the store of a finished grid with two channels that nobody changes."""
    folder = tmp_path_factory.mktemp("channel") / "store"
    assert run_grid(GRID, out=folder).failed == 0
    return Store(folder)


@pytest.fixture(scope="module")
def channels(store):
    runs = [run for run in store.runs() if run.spec.kind == "factor_channel"]
    return sorted(runs, key=lambda run: run.spec.seed)


def _train(specs, ball, path=None, *, stop_at=None):
    """Train a pack to its end, or until the plug is pulled after a step."""

    def report(steps, loss, stage=""):
        if steps == (stop_at or 0) * len(specs):
            raise PluggedOutError

    context = Context(report, Checkpoints(path, steps=5))
    return list(PRODUCERS["factor_channel"](Pack(tuple(specs), Execution()), ball, context))


def _training(spec, dataset):
    pack, images = Pack((spec,)), Images(dataset, "cpu")
    return Training(pack, images, ChannelFamily(pack, images))


@pytest.mark.parametrize("options", [{}, LEARNT])
def test_nothing_is_spent_on_a_factor_with_one_value(options):
    images = np.arange(4, dtype=np.uint8)[:, None, None, None] * np.ones((1, 16, 16), np.uint8)
    data = datasets.from_arrays(images, np.array([[0, 0], [1, 0], [2, 0], [2, 0]]))
    scaled = scaled_factors(data)
    assert scaled[:, 0].var() == pytest.approx(1)
    assert (scaled[:, 1] == 0).all()
    spec = channel_spec(batch_size=2, **options)
    training = _training(spec, data)
    for _ in range(30):
        training.advance()
    history = training.history.frame(0)
    assert (history["kl_1"] == 0).all()
    if spec.channel == "exact":
        assert history["kl_0"].to_numpy() == pytest.approx(history["c"].to_numpy(), rel=1e-5)
    else:
        # It is on its way from its first 0.1 nat to C.
        assert (history["kl_0"].diff()[1:] > 0).all()


def test_a_batch_is_charged_what_the_whole_dataset_costs(ball):
    # A batch of two images has another spread of factors at every step; the KL has not.
    training = _training(channel_spec(batch_size=2), ball)
    for _ in range(5):
        training.advance()
    history = training.history.frame(0)
    assert history["c"].to_numpy() == pytest.approx(0.5 + 2.5 * np.arange(5) / 300)
    assert history["kl"].to_numpy() == pytest.approx(history["c"].to_numpy(), rel=1e-5)
    penalty = history["loss"] - history["reconstruction"]
    assert penalty.abs().max() < 1e-3


@pytest.mark.parametrize(
    ("options", "own"), [({}, {"share", "capacity"}), (LEARNT, {"u"})], ids=["exact", "learnt"]
)
def test_only_decoder_and_channel_are_trained(ball, options, own):
    training = _training(channel_spec(**options), ball)
    before = {name: value.clone() for name, value in training.family.model.state_dict().items()}
    parts = {name.split(".")[0] for name in before}
    assert parts == {*own, "decoder_linears", "decoder_convs"}
    training.advance()
    for name, value in training.family.model.named_parameters():
        assert value.grad is not None
        assert value.grad.abs().max() > 0, name
        assert not torch.equal(value, before[name]), name


def test_the_loss_of_a_learnt_channel_has_the_distance_of_kl_from_c(ball):
    training = _training(channel_spec(**LEARNT), ball)
    for _ in range(3):
        training.advance()
    last = training.history.frame(0).iloc[-1]
    assert last["c"] - last["kl"] > 0.1
    assert last["loss"] - last["reconstruction"] == pytest.approx(
        100 * abs(last["kl"] - last["c"]), rel=1e-4
    )


def test_a_factor_without_information_falls_to_zero(ball):
    # Images that do not depend on the vertical position: what is spent on it buys nothing.
    columns = ball.factors(np.arange(64))
    rows = ball.index(np.stack([columns[:, 0], np.full(64, 3)], 1))
    blind = datasets.from_arrays(ball.images(rows), columns, factor_names=ball.factor_names)
    spec = channel_spec(channel="learnt", channel_rate=2e-3, capacity=1, anneal_steps=1)
    training = _training(spec, blind)
    for _ in range(250):
        training.advance()
    history = training.history.frame(0)
    assert history["kl_1"].iloc[0] == pytest.approx(FIRST_KL, rel=1e-3)
    assert history["kl_1"].iloc[-1] < 0.1 * FIRST_KL
    assert history["kl_0"].iloc[-20:].mean() == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(("step", "c"), [(0, 0.5), (150, 1.75), (300, 3), (10**6, 3)])
def test_capacity_rises_from_its_start(step, c):
    spec = channel_spec()
    settings = {
        name: torch.tensor([float(getattr(spec, name))])
        for name in ("gamma", "capacity_start", "capacity", "anneal_steps")
    }
    objective = OBJECTIVES["factor_channel"]
    assert objective.control_name == "c"
    assert objective.control(step, settings).item() == pytest.approx(c)
    assert capacity_at(spec, step) == pytest.approx(c)
    z = torch.zeros(1, 2, 2)
    terms = Terms(torch.tensor([10.0]), torch.tensor([[1.0, 5.0]]), z, z, z, 64)
    assert objective(terms, step, settings).item() == pytest.approx(10 + 100 * (6 - c))


def test_kl_follows_the_capacity_and_the_positions_share_it(channels):
    for run in channels:
        history = run.history()
        assert history["c"].iloc[0] == 0.5
        late = history[history["step"] > 200]
        assert (history["kl"] - history["c"]).abs().max() < 1e-4
        assert history["kl"].to_numpy() == pytest.approx(
            history[["kl_0", "kl_1"]].sum(axis=1).to_numpy(), rel=1e-5
        )
        assert (late["kl_0"] - late["kl_1"]).abs().max() < 0.3
        # What came through the channel is used.
        first, last = (
            history["reconstruction"][part].mean() for part in (slice(5, 25), slice(380, 400))
        )
        assert last < 0.6 * first


def test_codes_are_those_of_the_scaled_factors(channels, ball):
    run = channels[0]
    latents = run.latents()
    gain, log_noise = load_run(run.folder).model.gain_and_log_noise()
    gain, log_noise = gain[0].detach().numpy(), log_noise[0].detach().numpy()
    assert latents.means == pytest.approx(gain * scaled_factors(ball), abs=1e-6)
    assert latents.logvars == pytest.approx(np.repeat(2 * log_noise, 64, 0), abs=1e-6)
    assert run.latent_names == ["position_x", "position_y"]
    assert latents.means.var(0) + np.exp(latents.logvars[0]) == pytest.approx(np.ones(2), rel=1e-4)


def test_a_stored_channel_decodes_and_says_why_it_does_not_encode(channels, ball, store):
    loaded = load_run(channels[0].folder)
    snapshots = channels[0].snapshots()
    with pytest.raises(ValueError, match="a factor channel encodes no images"):
        loaded.encode(snapshots.originals)
    frames = read_frames(store.frames_path(channels[0].run_id))
    # Frames decode the same images' codes from the weights of the end.
    assert np.array_equal(frames.originals, snapshots.originals)
    assert np.array_equal(frames.reconstructions, snapshots.images[-1])
    decoded = loaded.decode(channels[0].latents().means[:5])
    assert decoded.shape == (5, 1, 16, 16)


def test_snapshots_are_of_their_steps(channels):
    run = channels[0]
    snapshots, history = run.snapshots(), run.history().set_index("step")
    assert snapshots.steps.tolist() == sorted(snapshot_steps(run.spec))
    assert snapshots.steps[-1] == 400
    assert snapshots.c[-1] == 3
    assert snapshots.c == pytest.approx(history.loc[snapshots.steps, "c"].to_numpy(), rel=1e-5)
    assert snapshots.kl.sum(1) == pytest.approx(snapshots.c, rel=1e-5)
    # The share has taken one step more than that whose row it is.
    expected = history.loc[snapshots.steps, ["kl_0", "kl_1"]].to_numpy()
    assert snapshots.kl == pytest.approx(expected, rel=0.05)
    assert snapshots.images.shape == (len(snapshots.steps), 11, 1, 16, 16)
    assert not np.array_equal(snapshots.images[0], snapshots.images[-1])
    error = np.abs(snapshots.images.astype(float) - snapshots.originals).mean((1, 2, 3, 4))
    assert error[-1] < 0.7 * error[0]


def test_snapshot_steps_pass_the_levels():
    spec = channel_spec(capacity=25, anneal_steps=245_000, steps=300_000)
    passed = {round((level - 0.5) * 10_000) for level in KL_SHOWN}
    assert passed <= snapshot_steps(spec)
    assert len(snapshot_steps(spec)) == 16 + len(KL_SHOWN) + 1
    assert snapshot_steps(channel_spec(capacity=0.5, anneal_steps=1, steps=1)) == {1}
    assert max(snapshot_steps(channel_spec(anneal_steps=900, steps=400))) == 400


def test_snapshots_are_a_file_of_the_run_that_comes_back(channels):
    run = channels[0]
    assert run.manifest.files["snapshots.h5"].bytes == (
        (run.folder / "snapshots.h5").stat().st_size
    )
    snapshots = run.snapshots()
    again = read_snapshots(snapshot_bytes(snapshots), snapshots.kl.shape[1])
    for name in ("steps", "c", "kl", "originals", "images"):
        assert np.array_equal(getattr(again, name), getattr(snapshots, name))
    assert snapshot_bytes(again) == snapshot_bytes(snapshots)


def test_a_damaged_snapshot_makes_the_run_again(tmp_path):
    grid = {**GRID, "seeds": [0], "models": [{**CHANNEL, "anneal_steps": 3}], "baselines": False}
    grid["train"] = {"steps": 5, "batch_size": 8}
    run_grid(grid, out=tmp_path / "a")
    (path,) = (tmp_path / "a" / "runs").glob("*/snapshots.h5")
    content = bytearray(path.read_bytes())
    content[-10] ^= 1
    path.write_bytes(content)
    assert run_grid(grid, out=tmp_path / "a").trained == 1
    (path,) = (tmp_path / "a" / "runs").glob("*/snapshots.h5")
    assert read_snapshots(path.read_bytes(), 2).steps[-1] == 5


@pytest.mark.parametrize("options", [{}, LEARNT], ids=["exact", "learnt"])
@pytest.mark.parametrize("stop_at", [1, 6, 11, 22])
def test_a_resumed_channel_ends_with_the_same_bits(ball, tmp_path, stop_at, monkeypatch, options):
    monkeypatch.setattr("bench.training.recorder.HISTORY_ROWS", 6)
    specs = [
        channel_spec(steps=23, anneal_steps=15),
        channel_spec(steps=23, anneal_steps=9, seed=3),
    ]
    specs = [spec.model_copy(update=options) for spec in specs]
    whole = _train(specs, ball)
    with pytest.raises(PluggedOutError):
        _train(specs, ball, tmp_path / "pack", stop_at=stop_at)
    resumed = _train(specs, ball, tmp_path / "pack")
    for before, after in zip(whole, resumed, strict=True):
        assert before.state == after.state
        assert before.history.equals(after.history)
        assert np.array_equal(before.means, after.means)
        assert before.reconstruction == after.reconstruction
        assert snapshot_bytes(before.snapshots) == snapshot_bytes(after.snapshots)


@pytest.mark.parametrize("options", [{}, LEARNT], ids=["exact", "learnt"])
def test_a_member_of_a_pack_is_the_channel_alone(ball, options):
    specs = [
        channel_spec(steps=20, anneal_steps=15),
        channel_spec(steps=20, anneal_steps=9, gamma=5, seed=3),
    ]
    specs = [spec.model_copy(update=options) for spec in specs]
    packed = _train(specs, ball)
    for spec, member in zip(specs, packed, strict=True):
        (alone,) = _train([spec], ball)
        assert np.allclose(member.means, alone.means, atol=1e-5)
        assert np.allclose(member.logvars, alone.logvars, atol=1e-5)
        assert np.allclose(member.history, alone.history, rtol=1e-4, atol=1e-4)
        assert member.snapshots.steps.tolist() == alone.snapshots.steps.tolist()
        assert np.allclose(member.snapshots.kl, alone.snapshots.kl, atol=1e-5)
        difference = member.snapshots.images.astype(int) - alone.snapshots.images
        assert np.abs(difference).max() <= 1
        state = torch.load(io.BytesIO(member.state), weights_only=True)
        assert state["u" if options else "share"].shape == (1, 1, 2)


@pytest.mark.parametrize("options", [{}, LEARNT], ids=["exact", "learnt"])
def test_bfloat16_starts_as_float32_does(ball, options):
    losses = {}
    for precision in ("float32", "bfloat16"):
        spec = channel_spec(steps=10, anneal_steps=5, **options)
        pack = Pack((spec,), Execution(precision=precision))
        (result,) = PRODUCERS["factor_channel"](pack, ball, Context())
        assert result.means.dtype == np.float32
        losses[precision] = result.history["loss"].to_numpy()
    assert losses["bfloat16"] == pytest.approx(losses["float32"], rel=0.01)


def test_tables_know_its_factors(store, channels):
    tables = load_study(store).tables
    for run in channels:
        named = tables.kl_per_dimension[tables.kl_per_dimension["run_id"] == run.run_id]
        assert named["latent"].tolist() == ["position_x", "position_y"]
        last = tables.history[tables.history["run_id"] == run.run_id].iloc[-1]
        assert named["kl"].to_numpy() == pytest.approx([last["kl_0"], last["kl_1"]], abs=0.05)
    kinds = list(dict.fromkeys(tables.runs["kind"]))
    assert kinds.index("vae") < kinds.index("factor_channel") < kinds.index("baseline_untrained")
    own = tables.runs[tables.runs["kind"] == "factor_channel"]
    assert own["capacity_start"].tolist() == [0.5, 0.5]
    assert own["n_latents"].isna().all()
    assert own["mig_histogram"].tolist() == [1, 1]


def test_the_figure_shows_a_stored_study(store, channels):
    study = load_study(store)
    assert list(study.snapshots) == [channels[0].run_id]
    (drawn,) = FIGURES["factor-channel"].draw(study)
    assert drawn.run_id == channels[0].run_id
    assert "the mean of 2 seeds" in drawn.alt
    text = svg_text(drawn.figure)
    assert svg_text(next(FIGURES["factor-channel"].draw(study)).figure) == text
    for name in ("position_x", "position_y", "original", "KL 3.0 nats"):
        assert name in text
    report = (store.folder / "report.html").read_text()
    assert json.dumps(drawn.title)[1:10] in report
    assert "Figure 3" in report
