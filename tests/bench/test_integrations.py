"""The examples of docs/integrations.md run as they are written."""

import shlex
from pathlib import Path

import pytest
import torch

import bench
from bench.export import main as export_main
from bench.grid.expand import expand
from bench.grid.load import load_grid
from bench.trackers import MLflow, TensorBoard, WeightsAndBiases
from tests.documents import examples, run

ROOT = Path(__file__).parents[2]
PAGE = "docs/integrations.md"


def test_data():
    names = run(*examples(PAGE, "Data"))
    assert names["image"].shape == (1, 64, 64)
    images, factors = next(iter(names["loader"]))
    assert (images.dtype, factors.dtype) == (torch.float32, torch.int64)
    assert (images.shape, factors.shape) == ((64, 1, 64, 64), (64, 2))
    assert (images.min(), images.max()) == (0, 1)


def test_models(small_store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "example").symlink_to(small_store)
    first, second = examples(PAGE, "Models")
    names = run(first)
    assert names["logits"].sigmoid().equal(names["pictures"])
    assert names["reconstructions"].equal(names["pictures"])
    (command,) = examples(PAGE, "Models", "sh")
    program, *arguments = shlex.split(command.replace("<run id>", names["run_id"]))
    assert (program, arguments[0]) == ("disbench", "export")
    assert export_main(arguments[1:]) == 0
    again = run(first, second)
    assert again["model"] is not names["model"]
    for images in (torch.zeros(2, 1, 16, 16), torch.ones(2, 1, 16, 16)):
        means, logvars = again["model"].encode(images)
        expected = names["model"].encode(images)
        assert means.equal(expected[0])
        assert logvars.equal(expected[1])


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("place", "tracker", "package", "left"),
    [
        (0, TensorBoard, "tensorboard", "logs/*/events.out.*"),
        (1, WeightsAndBiases, "wandb", "wandb/offline-run-*/*.wandb"),
        (2, MLflow, "mlflow", "mlflow.db"),
    ],
)
def test_trackers(place, tracker, package, left, tmp_path, monkeypatch):
    found = pytest.importorskip(
        package, reason="needs more packages: pip install 'disbench[integration]'"
    )
    if package == "wandb":
        # It keeps the folder that it was first used in.
        found.teardown()
    spec = expand(load_grid(ROOT / "grids" / "quick.yaml"))[0]

    def run_grid(grid, callbacks):
        (callback,) = callbacks
        assert isinstance(callback, tracker)
        callback.on_failure(spec, "nothing was trained")

    monkeypatch.setattr(bench, "run_grid", run_grid, raising=False)
    monkeypatch.chdir(tmp_path)
    run(examples(PAGE, "Trackers")[place])
    assert len(list(tmp_path.glob(left))) == 1
