"""Trackers: what each is told arrives in the real package, offline, by the names that are said."""

import json
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from bench import load_results, run_grid
from bench.errors import MissingPackageError, optional
from bench.grid.expand import expand
from bench.grid.identity import group_id, run_id, run_name
from bench.grid.load import parse_grid
from bench.store.store import Store
from bench.trackers import MLflow, TensorBoard, Tracker, WeightsAndBiases

pytestmark = [pytest.mark.usefixtures("no_figures"), pytest.mark.integration]

ROOT = Path(__file__).parents[2]
BALL = {"name": "ball", "image_size": 16, "shape": "disc", "radius": 3, "grid_size": 8}
GRID = {
    "name": "tracked",
    "datasets": [BALL],
    "seeds": [0],
    "models": [
        {"kind": "vae"},
        # A step so long that the loss is no number any more.
        {"kind": "beta_vae", "beta": 4, "learning_rate": 1e30},
    ],
    "train": {"steps": 12, "batch_size": 16, "n_latents": 2},
    "metrics": ["mig"],
    "metrics_at": 2,
}
# What the packages warn of, here and at their import, is their own affair.
WARNS = pytest.mark.filterwarnings("ignore")


def _package(name):
    return pytest.importorskip(
        name, reason="needs more packages: pip install 'disbench[integration]'"
    )


class _Memory(Tracker):
    """Keeps what it is to log."""

    def __init__(self, progress_seconds=0.0):
        super().__init__(progress_seconds)
        self.logs = []

    def open(self, spec):
        self.logs.append(_MemoryLog(spec))
        return self.logs[-1]


class _MemoryLog:
    def __init__(self, spec):
        self.spec, self.rows, self.closed = spec, [], []

    def write(self, rows):
        assert not self.closed
        self.rows += rows

    def close(self, failure=None):
        self.closed.append(failure)


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """Return the folder of a small grid, and what a tracker was to log of it."""
    folder, memory = tmp_path_factory.mktemp("tracked") / "store", _Memory()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bench.report.draw_all", lambda study: iter(()))
        run_grid(GRID, out=folder, callbacks=[memory])
    return folder, memory


def _expected(folder, run):
    """Return all values that are to be logged of a run but its progress: name to step to value."""
    tables, found = load_results(folder), {}
    history = run.history()
    if history is not None:
        for name in history.columns.drop("step"):
            found[f"curves/{name}"] = dict(zip(history["step"], history[name], strict=True))
    row = tables.runs.set_index("run_id").loc[run.run_id]
    for name in ("mig_histogram", "mig_posterior", "kl", "active_units"):
        found[f"scores/{name}"] = {run.spec.steps: row[name]}
    on_the_way = run.scores_during_training()
    if on_the_way is not None:
        for step, metric, value in on_the_way[["step", "metric", "value"]].itertuples(index=False):
            found.setdefault(f"scores_during_training/{metric}", {})[step] = value
    return found


def _logged(rows):
    found = {}
    for step, values in rows:
        for name, value in values.items():
            found.setdefault(name, {})[step] = value
    return found


def _vae(folder):
    return next(run for run in Store(folder).runs() if run.spec.kind == "vae")


def _assert_logged(found, expected, rel=1e-12):
    progress = {name for name in found if name.startswith("progress/")}
    assert found.keys() - progress == expected.keys()
    for name, values in expected.items():
        assert found[name] == pytest.approx(values, rel=rel), name
    for name in progress:
        assert all(0 < step <= 12 and value > 0 for step, value in found[name].items())


def test_curves_and_scores_are_logged_by_the_names_of_their_columns(stored):
    folder, memory = stored
    run = _vae(folder)
    logs = [log for log in memory.logs if run_id(log.spec) == run.run_id]
    expected = _expected(folder, run)
    assert {"curves/loss", "curves/kl_1", "curves/beta", "scores/kl"} < expected.keys()
    assert len(expected["scores_during_training/mig_posterior"]) == 2
    # Once on the way to its result, and once for its scores.
    assert [log.closed for log in logs] == [[None], [None]]
    assert logs[0].rows[0][1].keys() == {"progress/loss", "progress/done"}
    assert 0 < logs[0].rows[0][1]["progress/done"] <= 1
    _assert_logged(_logged([row for log in logs for row in log.rows]), expected)


def test_a_failure_is_logged_with_its_reason(stored):
    folder, memory = stored
    (log,) = [log for log in memory.logs if log.spec.kind == "beta_vae"]
    (record,) = Store(folder).failures()
    assert log.closed == [record["reason"]]


def test_what_is_not_trained_has_scores_alone(small_store):
    run = next(run for run in Store(small_store).runs() if run.spec.kind == "baseline_truth")
    memory = _Memory()
    memory.on_progress(run.spec, 1, float("nan"))
    assert not memory.logs
    memory.on_result(run)
    memory.on_scores(run, {"mig_posterior": 1.0})
    rows = [row for log in memory.logs for row in log.rows]
    assert rows == [(0, {"scores/mig_posterior": 1.0})]


def test_progress_is_logged_once_in_a_while_and_what_is_open_is_closed():
    first, second, *_ = expand(parse_grid(GRID))
    memory = _Memory(progress_seconds=1000)
    for steps in range(1, 10):
        memory.on_progress(first, steps, float("nan") if steps == 1 else 5.0)
        memory.on_progress(second, steps, 4.0)
    assert [log.rows for log in memory.logs] == [
        [(1, {"progress/done": 1 / 12})],
        [(1, {"progress/loss": 4.0, "progress/done": 1 / 12})],
    ]
    memory.on_failure(first, "why")
    memory.on_end(None)
    assert [log.closed for log in memory.logs] == [["why"], ["it ended without a result"]]


def test_a_log_that_cannot_be_written_is_closed_all_the_same(stored):
    class Full(_MemoryLog):
        def write(self, rows):
            raise OSError("disk full")

    class Tracked(_Memory):
        def open(self, spec):
            self.logs.append(Full(spec))
            return self.logs[-1]

    memory = Tracked()
    with pytest.raises(OSError, match="disk full"):
        memory.on_result(_vae(stored[0]))
    assert [log.closed for log in memory.logs] == [[None]]
    memory.on_end(None)
    assert len(memory.logs[0].closed) == 1


@pytest.mark.parametrize(
    ("tracker", "package"),
    [(TensorBoard, "tensorboard"), (WeightsAndBiases, "wandb"), (MLflow, "mlflow")],
)
def test_a_package_that_is_not_there_is_named_with_the_remedy(tracker, package, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingPackageError, match=rf"pip install 'disbench\[{package}\]'"):
        tracker()


def test_a_folder_of_its_name_is_no_package(tmp_path, monkeypatch):
    # What wandb has written where one is lies in a folder that is called wandb.
    (tmp_path / "nowhere_installed").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingPackageError, match=r"only a folder .*'disbench\[wandb\]'"):
        optional("nowhere_installed", "a tracker needs it", "wandb")


def test_importing_trackers_loads_none_of_their_packages():
    code = (
        "import sys, bench.trackers; "
        "sys.exit(any(n in sys.modules for n in ('torch', 'tensorboard', 'wandb', 'mlflow')))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@WARNS
def test_tensorboard(tmp_path):
    _package("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams import plugin_data_pb2

    run_grid(
        GRID, out=tmp_path / "store", callbacks=[TensorBoard(tmp_path / "logs", progress_seconds=0)]
    )
    run = _vae(tmp_path / "store")
    logs = {path.name.rpartition(" ")[2]: path for path in (tmp_path / "logs").iterdir()}
    failed = next(spec for spec in expand(parse_grid(GRID)) if spec.kind == "beta_vae")
    assert logs.keys() == {run.run_id, run_id(failed)}
    assert logs[run.run_id].name == f"ball VAE seed 0 {run.run_id}"

    def read(name):
        events = EventAccumulator(str(logs[name]), size_guidance={"tensors": 0})
        events.Reload()
        tags = events.Tags()["tensors"]
        scalars = {
            tag: {event.step: event.tensor_proto.float_val[0] for event in events.Tensors(tag)}
            for tag in tags
            if "/" in tag and not tag.startswith("_")
        }

        def of(tag):
            content = events.SummaryMetadata(tag).plugin_data.content
            return plugin_data_pb2.HParamsPluginData.FromString(content)

        start, end = (of(f"_hparams_/session_{which}_info") for which in ("start", "end"))
        return events, scalars, start.session_start_info, end.session_end_info

    _, scalars, start, end = read(run.run_id)
    _assert_logged(scalars, _expected(tmp_path / "store", run), rel=1e-6)
    assert "progress/loss" in scalars
    assert start.group_name == group_id(run.spec)
    assert start.hparams["dataset.name"].string_value == "ball"
    assert start.hparams["dataset.options.image_size"].number_value == 16
    assert start.hparams["run_id"].string_value == run.run_id
    events, scalars, _, end_of_failed = read(run_id(failed))
    assert all(name.startswith("progress/") for name in scalars)
    assert (end.status, end_of_failed.status) == (1, 2)
    (text,) = events.Tensors("failure")
    (record,) = Store(tmp_path / "store").failures()
    assert text.tensor_proto.string_val[0].decode() == record["reason"]


def _records(path):
    """Yield the records of a file that wandb syncs: LevelDB's form of a log, protocol buffers."""
    from wandb.proto import wandb_internal_pb2

    content, place, parts = path.read_bytes(), 7, []
    while place < len(content):
        left = 32_768 - place % 32_768
        if left < 7:
            place += left
            continue
        _, size, kind = struct.unpack("<IHB", content[place : place + 7])
        parts.append(content[place + 7 : place + 7 + size])
        place += 7 + size
        if kind in (1, 4):
            yield wandb_internal_pb2.Record.FromString(b"".join(parts))
            parts = []


def _items(items):
    return {".".join(item.nested_key) or item.key: json.loads(item.value_json) for item in items}


@WARNS
def test_weights_and_biases(tmp_path):
    _package("wandb")
    tracker = WeightsAndBiases("mine", mode="offline", dir=str(tmp_path), progress_seconds=0)
    run_grid(GRID, out=tmp_path / "store", callbacks=[tracker])
    run = _vae(tmp_path / "store")
    logged, exits, failures, about = {}, {}, {}, {}
    for path in sorted((tmp_path / "wandb").glob("offline-run-*/*.wandb")):
        name = path.stem.removeprefix("run-")
        for record in _records(path):
            kind = record.WhichOneof("record_type")
            if kind == "history":
                values = _items(record.history.item)
                step = values.pop("step")
                for key, value in values.items():
                    if not key.startswith("_"):
                        logged.setdefault(name, {}).setdefault(key, {})[step] = value
            elif kind == "run":
                about[name] = record.run
            elif kind == "exit":
                exits.setdefault(name, []).append(record.exit.exit_code)
            elif kind == "summary":
                failures.setdefault(name, []).append(_items(record.summary.update).get("failure"))
    failed = next(spec for spec in expand(parse_grid(GRID)) if spec.kind == "beta_vae")
    assert about.keys() == {run.run_id, run_id(failed)}
    _assert_logged(logged[run.run_id], _expected(tmp_path / "store", run))
    assert exits == {run.run_id: [0, 0], run_id(failed): [1]}
    (record,) = Store(tmp_path / "store").failures()
    assert record["reason"] in failures[run_id(failed)]
    found = about[run.run_id]
    assert (found.project, found.display_name) == ("mine", "ball VAE seed 0")
    assert (found.run_group, found.job_type) == (group_id(run.spec), "vae")
    assert {*found.tags} == {"ball", "vae", "seed 0"}
    config = _items(found.config.update)
    assert config["dataset"] == {"name": "ball", "options": {**run.spec.dataset.options}}
    assert (config["steps"], config["run_id"]) == (12, run.run_id)


@WARNS
def test_mlflow(tmp_path):
    _package("mlflow")
    from mlflow import MlflowClient

    uri = f"sqlite:///{tmp_path}/mlflow.db"
    tracker = MLflow("mine", tracking_uri=uri, progress_seconds=0)
    run_grid(GRID, out=tmp_path / "store", callbacks=[tracker])
    run = _vae(tmp_path / "store")
    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("mine").experiment_id

    def by_name():
        return {one.data.tags["disbench.run_id"]: one for one in client.search_runs([experiment])}

    failed = next(spec for spec in expand(parse_grid(GRID)) if spec.kind == "beta_vae")
    assert by_name().keys() == {run.run_id, run_id(failed)}
    found = by_name()[run.run_id]
    logged = {
        name: {m.step: m.value for m in client.get_metric_history(found.info.run_id, name)}
        for name in found.data.metrics
    }
    _assert_logged(logged, _expected(tmp_path / "store", run))
    assert (found.info.status, found.info.run_name) == ("FINISHED", run_name(run.spec))
    tags = {"dataset": "ball", "kind": "vae", "seed": "0", "disbench.group_id": group_id(run.spec)}
    assert tags.items() <= found.data.tags.items()
    assert found.data.params["dataset.options.radius"] == "3.0"
    assert found.data.params["steps"] == "12"
    # One that failed is marked, until a later start has its result.
    (record,) = Store(tmp_path / "store").failures()
    assert by_name()[run_id(failed)].info.status == "FAILED"
    assert by_name()[run_id(failed)].data.tags["failure"] == record["reason"]
    later = MLflow("mine", tracking_uri=uri)
    later.on_failure(run.spec, "first")
    assert by_name()[run.run_id].data.tags["failure"] == "first"
    later.on_scores(run, {"odd name (β=4)": 0.5, "none": float("inf")})
    again = by_name()[run.run_id]
    assert (again.info.status, again.data.metrics["scores/odd name _β_4_"]) == ("FINISHED", 0.5)
    assert "failure" not in again.data.tags
    assert "scores/none" not in again.data.metrics
    assert len(by_name()) == 2
