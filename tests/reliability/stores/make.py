"""Make a store to be kept: python -m tests.reliability.stores.make FOLDER.

Stores of old versions are committed, never made again: they show that what a user has stays
readable. Weights are left out, they are a megabyte a run; their names are in `weights.json`.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import torch

from bench.grid.expand import expand
from bench.grid.load import parse_grid
from bench.pipeline import run_grid
from bench.report import build
from bench.store.files import dump_json, read_json
from bench.store.results import Failure
from bench.store.store import Store
from tests.reliability.tiny import GRID

MODELS = [{"kind": "vae"}, {"kind": "beta_vae", "beta": 4}]


def main(folder: Path) -> None:
    store = folder / "store"
    assert run_grid({**GRID, "models": MODELS, "baselines": True}, out=store).failed == 0
    (other,) = expand(parse_grid({**GRID, "seeds": [7]}))
    Store(store).commit(Failure(other, "=1+1 is how a hostile reason begins"), {})
    build(Store(store))
    shutil.move(store / "tables", folder / "tables")
    for model in sorted(store.glob("runs/*/model.pt")):
        shapes = {k: list(v.shape) for k, v in torch.load(model, weights_only=True).items()}
        (folder / "weights.json").write_text(json.dumps(shapes, indent=1) + "\n")
        manifest = read_json(model.parent / "manifest.json")
        del manifest["files"]["model.pt"]
        (model.parent / "manifest.json").write_text(dump_json(manifest))
        model.unlink()
    # One file of images is enough; claims and LaTeX are not of the store's format.
    for path in [*sorted((store / "frames").iterdir())[1:], *(folder / "tables").glob("*.tex")]:
        path.unlink()
    (folder / "tables" / "claims.csv").unlink(missing_ok=True)
    shutil.rmtree(store / "figures")
    shutil.rmtree(store / "checkpoints", ignore_errors=True)
    for name in ("report.html", ".lock"):
        (store / name).unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
