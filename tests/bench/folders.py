"""Output folders of other people, made of a copy of one's own."""

import shutil

import numpy as np

from bench.store.files import dump_json, read_json, write_text
from bench.store.sealed import seal
from bench.store.store import Store
from bench.store.stored_run import CODES, Latents, codes_bytes


def copied(store, folder, keep=lambda run: True, derived=("scores", "frames"), groups=False):
    """Copy those runs of a store that are to be kept, and what is derived from them.

    With the scores of groups only where all seeds of a model are kept.
    """
    source = Store(store)
    for name in ("store.json", "grid.json"):
        if (store / name).exists():
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(store / name, folder)
    for run in filter(keep, source.runs()):
        shutil.copytree(run.folder, folder / "runs" / run.run_id)
        for name in derived:
            for path in (store / name).glob(f"{run.run_id}.*"):
                (folder / name).mkdir(exist_ok=True)
                shutil.copy(path, folder / name)
    for name in ("variants", "groups")[: 1 + groups] if "scores" in derived else ():
        shutil.copytree(store / "scores" / name, folder / "scores" / name)
    return folder


def manifests(folder, change):
    """Change what the manifests of a folder's runs say, as if they had been made so."""
    for path in (folder / "runs").glob("*/manifest.json"):
        body = read_json(path)
        change(body)
        write_text(path, dump_json(body))


def other_codes(folder, chosen=lambda run: True):
    """Give runs of a folder the codes of another machine, which nobody has scored."""
    for run in filter(chosen, Store(folder).runs()):
        codes = run.latents()
        nudged = Latents(codes.indices, codes.means + np.float32(0.25), codes.logvars)
        (run.folder / CODES).write_bytes(codes_bytes(nudged))
        manifest = run.folder / "manifest.json"
        body = read_json(manifest)
        manifest.unlink()
        seal(run.folder, body)


def contents(folder):
    """Return everything in a folder, with when each was changed."""
    return {
        path: (path.lstat().st_mtime_ns, path.read_bytes() if path.is_file() else None)
        for path in sorted(folder.rglob("*"))
    }
