"""kill -9 at any moment: no committed run is lost, none is made twice, the end is the same."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from ruamel.yaml import YAML

from bench.store.files import is_staged
from tests.reliability.driver import BALL
from tests.reliability.processes import HANG, ROOT, environment, needs_proc, tables

pytestmark = [pytest.mark.slow, pytest.mark.endurance, pytest.mark.timeout(5 * HANG), needs_proc]
RUN_FILES = ("latents.h5", "history.csv", "model.pt")


def _grid(path, **changes):
    grid = {
        "name": "kills",
        "datasets": [BALL],
        "models": [{"kind": "vae"}, {"kind": "beta_vae", "beta": 4}],
        "metrics": ["mig"],
        **changes,
    }
    with path.open("w") as file:
        YAML().dump(grid, file)
    return path


def _kill(kind, grid, folder, kills, **wishes):
    """Run `kills` with a new seed, which is printed, and return what it saw."""
    seed = random.SystemRandom().randrange(2**32)
    command = [sys.executable, "-m", "tests.reliability.kills", kind, grid, folder, kills, seed]
    answer = subprocess.run(
        [*map(str, command)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=5 * HANG,
        env=environment(**wishes),
    )
    assert answer.returncode == 0, answer.stderr
    seen = json.loads(answer.stdout)
    print(f"seed {seed}: {answer.stdout}")
    assert seen["kills"] >= kills
    assert seen["wrong"] == []
    assert len(seen["folders"]) >= 1
    for name in seen["folders"]:
        found = [path for path in Path(name).rglob(".*") if is_staged(path)]
        assert found == [], "the last start leaves nothing half-written"
        assert not list(Path(name).glob(".staging/*"))
    return seen


def test_a_hundred_kills_lose_no_run_and_count_none_twice(tmp_path):
    train = {"steps": 1, "batch_size": 8, "n_latents": 2}
    grid = _grid(tmp_path / "grid.yaml", seeds=[*range(6)], train=train)
    seen = _kill("made", grid, tmp_path, 100, made=True)
    expected = tables(Path(seen["reference"]))
    for name in seen["folders"]:
        runs = pd.read_csv(Path(name) / "tables" / "runs.csv")
        assert len(runs) == runs["run_id"].nunique() == 12
        assert tables(Path(name)) == expected


def test_training_that_is_killed_ends_with_the_same_bytes(tmp_path):
    train = {"steps": 40, "batch_size": 16, "n_latents": 3}
    grid = _grid(tmp_path / "grid.yaml", seeds=[0, 1], train=train)
    seen = _kill("trained", grid, tmp_path, 10)
    assert any("checkpoints" in state for state in seen["states"]), seen["states"]
    reference = Path(seen["reference"])
    names = sorted(path.name for path in (reference / "runs").iterdir())
    assert len(names) == 4
    for name in seen["folders"]:
        assert tables(Path(name)) == tables(reference)
        for run in names:
            for file in RUN_FILES:
                before = (reference / "runs" / run / file).read_bytes()
                assert (Path(name) / "runs" / run / file).read_bytes() == before
