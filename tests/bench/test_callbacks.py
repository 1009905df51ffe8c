"""Callbacks: what is told, in which order, in whose process, and that nothing they do hurts."""

import logging
import os

import pytest

from bench import load_results, run_grid
from bench.callbacks import Callbacks
from bench.grid.expand import expand
from bench.grid.identity import run_id
from bench.grid.load import parse_grid

pytestmark = pytest.mark.usefixtures("no_figures")

GRID = {
    "name": "told",
    "datasets": [
        {"name": "ball", "image_size": 16, "shape": "disc", "radius": 3, "grid_size": 8},
    ],
    "seeds": [0, 1],
    "models": [{"kind": "vae"}],
    "train": {"steps": 12, "batch_size": 16, "n_latents": 2},
    "metrics": ["mig"],
}


class Recorder:
    """Keeps what it is told, and in which process."""

    def __init__(self):
        self.told = []
        self.processes = set()

    def _keep(self, *what):
        self.processes.add(os.getpid())
        self.told.append(what)

    def on_start(self, specs):
        self._keep("start", [run_id(spec) for spec in specs])

    def on_progress(self, spec, steps, loss):
        self._keep("progress", run_id(spec), steps, loss)

    def on_result(self, run):
        assert len(run.history()) > 0
        self._keep("result", run.run_id)

    def on_failure(self, spec, reason):
        self._keep("failure", run_id(spec), reason)

    def on_scores(self, run, scores):
        self._keep("scores", run.run_id, scores)

    def on_end(self, summary):
        assert summary.report.is_file()
        self._keep("end", summary.trained, summary.failed)

    def of(self, kind):
        return [what[1:] for what in self.told if what[0] == kind]


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_all_is_told_in_the_drivers_process(tmp_path, workers):
    recorder = Recorder()
    run_grid(GRID, out=tmp_path, workers=workers, callbacks=[recorder])
    runs = load_results(tmp_path).runs.set_index("run_id")
    assert recorder.processes == {os.getpid()}
    assert recorder.told[0][0] == "start"
    assert set(recorder.told[0][1]) == set(runs.index)
    assert recorder.told[-1] == ("end", 2, 0)
    assert {name for (name,) in recorder.of("result")} == set(runs.index)
    assert {name for name, _, _ in recorder.of("progress")} == set(runs.index)
    assert all(0 < steps <= 12 and loss > 0 for _, steps, loss in recorder.of("progress"))
    scores = dict(recorder.of("scores"))
    assert scores.keys() == set(runs.index)
    for name, found in scores.items():
        assert found["mig_posterior"] == runs.loc[name, "mig_posterior"]
        assert found["kl"] == runs.loc[name, "kl"]
    kinds = list(dict.fromkeys(kind for kind, *_ in recorder.told))
    assert kinds == ["start", "progress", "result", "scores", "end"]

    again = Recorder()
    run_grid(GRID, out=tmp_path, callbacks=[again])
    assert again.told == [("start", []), ("end", 0, 0)]


def test_what_a_callback_raises_is_logged_and_stops_nothing(tmp_path, caplog):
    class Broken:
        def on_result(self, run):
            raise RuntimeError("no connection")

    recorder = Recorder()
    one = {**GRID, "seeds": [0]}
    with caplog.at_level(logging.WARNING, "disbench"):
        summary = run_grid(one, out=tmp_path, callbacks=[Broken(), recorder])
    assert (summary.trained, summary.failed) == (1, 0)
    assert len(recorder.of("result")) == 1
    (record,) = [record for record in caplog.records if "on_result failed" in record.message]
    assert "no connection" in str(record.exc_info[1])


def test_a_run_without_a_result_is_told_with_its_reason(tmp_path):
    recorder = Recorder()
    # A step so long that the loss is no number any more.
    wild = {**GRID, "seeds": [0], "train": {**GRID["train"], "learning_rate": 1e30}}
    assert run_grid(wild, out=tmp_path, callbacks=[recorder]).failed == 1
    ((_, reason),) = recorder.of("failure")
    assert reason
    assert recorder.of("result") == []
    assert recorder.told[-1] == ("end", 0, 1)


def test_progress_is_told_once_in_a_while_and_for_every_member_of_a_pack():
    recorder = Recorder()
    callbacks = Callbacks([recorder])
    specs = expand(parse_grid(GRID))
    for done in range(2, 2000, 2):
        callbacks.notify_progress(0, specs, done, 5.0)
    # The first at once; a thousand within a second or so are told of a few times at most.
    assert recorder.told[:2] == [("progress", run_id(spec), 1, 5.0) for spec in specs]
    assert len(recorder.told) < 200
    callbacks.notify_progress(1, specs[:1], 7, 4.0)
    assert recorder.told[-1] == ("progress", run_id(specs[0]), 7, 4.0)


def test_what_is_no_callback_is_refused_before_anything_is_trained(tmp_path):
    with pytest.raises(ValueError, match="is no callback: it has none of"):
        run_grid(GRID, out=tmp_path / "out", callbacks=[object()])
    assert not (tmp_path / "out").exists()
