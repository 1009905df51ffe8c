"""Who is trained together, and what a GPU's idle processors do meanwhile."""

import copy
from typing import ClassVar

import pytest

from bench import pipeline
from bench.engines.local import LocalEngine
from bench.errors import DeviceError
from bench.grid.metric_requests import metric_requests
from bench.grid.packs import Execution, make_packs
from bench.grid.specs import SPEC_ADAPTER
from bench.pipeline import run_grid
from bench.scoring.background import BackgroundScores
from bench.scoring.runs import missing_scores, scalar_scores
from bench.store.store import Store
from bench.training.device import settle_device
from bench.training.pack_size import GAIN, best_size, pack_size
from tests.bench.conftest import SMALL_GRID

pytestmark = pytest.mark.usefixtures("no_figures")


def _specs(count, **fields):
    common = {"kind": "beta_vae", "beta": 4.0, "dataset": {"name": "ball"}, **fields}
    return [SPEC_ADAPTER.validate_python({**common, "seed": seed}) for seed in range(count)]


def _sizes(packs):
    return [len(pack.specs) for pack in packs]


@pytest.mark.parametrize(
    ("count", "size", "expected"),
    [(7, 1, [1] * 7), (7, 7, [7]), (7, 100, [7]), (7, 6, [4, 3]), (70, 64, [35, 35]), (1, 8, [1])],
)
def test_packs_are_even(count, size, expected):
    packs = make_packs(_specs(count), Execution(), size)
    assert _sizes(packs) == expected
    assert [spec.seed for pack in packs for spec in pack.specs] == list(range(count))


def test_models_that_differ_in_shape_share_no_pack():
    specs = [*_specs(3), *_specs(2, batch_size=16), *_specs(2, learning_rate=1e-3)]
    assert _sizes(make_packs(specs, Execution(), 8)) == [3, 2, 2]
    # Objectives may differ.
    plain = {"kind": "vae", "dataset": {"name": "ball"}}
    mixed = [*_specs(2), SPEC_ADAPTER.validate_python(plain)]
    assert _sizes(make_packs(mixed, Execution(), 8)) == [3]


def test_a_pack_grows_as_long_as_that_pays():
    def saturating(full):
        return lambda size: 100.0 * min(size, full)

    assert [best_size(64, saturating(full)) for full in (1, 2, 16, 64, 1000)] == [1, 2, 16, 64, 64]
    # A limit that is no power of two is reached, and never passed.
    assert best_size(70, saturating(1000)) == 70
    assert best_size(1, saturating(1000)) == 1
    # What does not fit is not taken, however fast it would be.
    assert best_size(64, lambda size: None if size > 8 else 100.0 * size) == 8
    assert best_size(64, lambda size: None) == 1
    # A doubling that gains just enough, and one that gains just too little.
    assert best_size(2, lambda size: 1.0 if size == 1 else GAIN + 1e-6) == 2
    assert best_size(2, lambda size: 1.0 if size == 1 else GAIN - 1e-6) == 1


def test_a_processor_trains_one_model_at_a_time():
    assert pack_size(_specs(10), Execution("cpu")) == 1


def test_tf32_is_refused_where_there_is_no_gpu():
    with pytest.raises(DeviceError, match="only GPUs have it"):
        settle_device(Execution("cpu", "tf32"))
    assert settle_device(Execution("cpu", "bfloat16")).precision == "bfloat16"


def test_scores_made_alongside_are_those_made_afterwards(tmp_path):
    grid = {**copy.deepcopy(SMALL_GRID), "seeds": [0], "metrics": ["mig", "modularity"]}
    run_grid({**grid, "metrics": []}, out=tmp_path / "a")
    store = Store(tmp_path / "a")
    requests = metric_requests(grid["metrics"])
    runs = store.runs()
    assert any(missing_scores(store, run, requests) for run in runs)
    with BackgroundScores(store, requests, LocalEngine(2)) as background:
        names = [run.run_id for run in runs]
        background.add(names[:2])
        background.add(["not there"])
        background.add(names[2:])
    # All that is left is what needs a group.
    assert not any(missing_scores(store, run, requests) for run in runs)
    run_grid(grid, out=tmp_path / "b")
    other = Store(tmp_path / "b")
    for ours, theirs in zip(runs, other.runs(), strict=True):
        assert scalar_scores(store, ours) == scalar_scores(other, theirs)


def test_what_fails_in_the_background_is_reported_afterwards(tmp_path, monkeypatch):
    grid = {**copy.deepcopy(SMALL_GRID), "seeds": [0]}
    run_grid({**grid, "metrics": []}, out=tmp_path / "a")
    store = Store(tmp_path / "a")

    class Broken(LocalEngine):
        def run_tasks(self, *args, **options):
            raise RuntimeError("no worker")

    requests = metric_requests(grid["metrics"])
    with BackgroundScores(store, requests, Broken()) as background:
        background.add([run.run_id for run in store.runs()])
    assert any(missing_scores(store, run, requests) for run in store.runs())
    with pytest.raises(KeyboardInterrupt), BackgroundScores(store, requests, Broken()):
        raise KeyboardInterrupt


def test_a_gpu_has_its_scores_made_meanwhile(tmp_path, monkeypatch):
    """The path of a grid on a GPU, but for the GPU."""
    added = []

    class Recorded(BackgroundScores):
        def add(self, names):
            added.append(names)
            super().add(names)

    monkeypatch.setattr(pipeline, "BackgroundScores", Recorded)
    demand = pipeline._demand

    def on_a_gpu(packs):
        return type(demand(packs))(1, gpu=True)

    monkeypatch.setattr(pipeline, "_demand", on_a_gpu)

    class Hearer:
        heard: ClassVar[list[str]] = []

        def on_scores(self, run, scores):
            assert "mig_histogram" in scores
            self.heard.append(run.run_id)

    grid = {**copy.deepcopy(SMALL_GRID), "seeds": [0], "baselines": False, "metrics": ["mig"]}
    summary = run_grid(grid, out=tmp_path, workers=2, pack=8, callbacks=[Hearer()])
    assert summary.failed == 0
    assert sorted(Hearer.heard) == sorted(run.run_id for run in Store(tmp_path).runs())
    # Three VAEs are one pack.
    assert sorted(map(len, added))[-1] == 3
    assert sum(map(len, added)) == summary.trained


@pytest.mark.parametrize(
    ("text", "warned"),
    [
        ("flags\t\t: fpu avx2 avx512f", True),
        ("processor : 0\nflags : avx512f avx512_bf16\n", False),
        ("flags : amx_tile amx_bf16", False),
        ("Features : asimd bf16", False),
        (None, False),
    ],
)
def test_bfloat16_on_a_processor_without_it_is_warned_of(
    tmp_path, monkeypatch, caplog, text, warned
):
    place = tmp_path / "cpuinfo"
    if text is not None:
        place.write_text(text)
    monkeypatch.setattr("bench.engines.cpus._PROCESSORS", place)
    settle_device(Execution("cpu", "float32"))
    assert not caplog.records
    settle_device(Execution("cpu", "bfloat16"), LocalEngine(1))
    assert [r.getMessage().startswith("--precision bfloat16: slower") for r in caplog.records] == (
        [True] if warned else []
    )
