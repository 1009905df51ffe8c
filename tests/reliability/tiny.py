"""A store with one file of every kind, and everything that anybody reads of it."""

from __future__ import annotations

import json
from typing import Any

from bench.grid.expand import expand
from bench.grid.load import parse_grid
from bench.pipeline import run_grid
from bench.report import _grid, build
from bench.scoring.groups import read_group_scores
from bench.scoring.variants import read_variants
from bench.store.files import DamagedError, read_json
from bench.store.frames import read_frames
from bench.store.results import Failure
from bench.store.store import Store, StoreError
from bench.store.stored_run import read_run
from bench.training.checkpoints import Checkpoints
from tests.reliability.driver import BALL

GRID = {
    "name": "tiny",
    "datasets": [BALL],
    "seeds": [0, 1],
    "models": [{"kind": "vae"}],
    "train": {"steps": 2, "batch_size": 16, "n_latents": 2},
    "metrics": [{"name": "mig", "n_bins": 4}, "kl_per_dimension", "udr"],
    "evaluation": {"images": 32},
}
# Instead of what was read: the reader knows that it is damaged or gone, and so the next start does.
NOTICED = "noticed"


def make(folder):
    """Make the store: two runs, their scores and images, a failure and a checkpoint."""
    assert run_grid(GRID, out=folder).failed == 0
    store = Store(folder)
    (other,) = expand(parse_grid({**GRID, "seeds": [7]}))
    store.commit(Failure(other, "ValueError: made to fail"), {})
    Checkpoints(store.checkpoints / "0123456789abcdef-0123456789abcdef.ckpt").save(1, b"x" * 5_000)
    build(store)


def kinds(folder):
    """Return the files that are believed when they are read, one list for every kind."""
    patterns = {
        "store": "store.json",
        "grid": "grid.json",
        "manifest": "runs/*/manifest.json",
        "codes": "runs/*/latents.h5",
        "history": "runs/*/history.csv",
        "model": "runs/*/model.pt",
        "scores": "scores/*.json",
        "levels": "scores/levels/*.json",
        "groups": "scores/groups/*.json",
        "variants": "scores/variants/*.json",
        "frames": "frames/*.h5",
        "failure": "failures/*.json",
        "checkpoint": "checkpoints/*.ckpt",
    }
    found = {kind: sorted(folder.glob(pattern)) for kind, pattern in patterns.items()}
    assert all(found.values()), found
    return found


def everything(folder) -> dict[str, Any]:
    """Return all that tables, figures, page and training take from a store, as it is read."""
    try:
        store = Store(folder)
    except StoreError:
        return {"store": NOTICED}
    content: dict[str, Any] = {"store": "ours", "grid": _grid(store) or NOTICED}
    runs = []
    for place in store.run_folders():
        try:
            run = read_run(place)
            history, codes = run.history(), run.latents()
            assert history is not None
            assert codes.logvars is not None
            content[f"run {place.name}"] = (
                json.dumps(read_json(place / "manifest.json"), sort_keys=True),
                history.to_csv(),
                codes.indices.tobytes() + codes.means.tobytes() + codes.logvars.tobytes(),
                run.content("model.pt"),
            )
        except DamagedError:
            content[f"run {place.name}"] = NOTICED
            continue
        runs.append(run)
        content[f"scores {run.run_id}"] = store.read_scores(run.run_id, run.codes_digest) or NOTICED
        if (folder / "scores" / "variants" / f"{run.run_id}.json").exists():
            content[f"variants {run.run_id}"] = read_variants(store, run) or NOTICED
    content["groups"] = read_group_scores(store, runs) or NOTICED if len(runs) > 1 else NOTICED
    for path in sorted((folder / "scores" / "levels").glob("*.json")):
        try:
            # As `read_scores` does, but for whatever these levels are of.
            content[f"levels {path.stem}"] = read_json(path)
        except DamagedError:
            content[f"levels {path.stem}"] = NOTICED
    for path in (folder / "frames").glob("*"):
        frames = read_frames(path)
        shown = frames and [vars(frames)[name].tobytes() for name in sorted(vars(frames))]
        content[f"frames {path.stem}"] = shown or NOTICED
    content["failures"] = store.failures() or NOTICED
    for path in store.checkpoints.glob("*"):
        content[f"checkpoint {path.name}"] = Checkpoints(path).load() or NOTICED
    return content
