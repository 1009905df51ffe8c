"""Write a run's files, and the manifest that vouches for them. No torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .during_training import scores_text
from .files import dump_json, fsync_path, sha256
from .history import history_text
from .results import Result
from .snapshots import snapshot_bytes
from .stored_run import CODES, CURVES, ON_THE_WAY, SNAPSHOTS, WEIGHTS, Latents, codes_bytes


def write_result(folder: Path, result: Result, record: dict[str, Any]) -> None:
    """Write a result's files and, last, the manifest that lists them."""
    (folder / CODES).write_bytes(
        codes_bytes(Latents(result.indices, result.means, result.logvars, result.factors))
    )
    if result.history is not None:
        (folder / CURVES).write_text(history_text(result.history), encoding="utf-8")
    if result.state is not None:
        (folder / WEIGHTS).write_bytes(result.state)
    if result.snapshots is not None:
        (folder / SNAPSHOTS).write_bytes(snapshot_bytes(result.snapshots))
    if result.scores is not None:
        (folder / ON_THE_WAY).write_text(scores_text(result.scores), encoding="utf-8")
    manifest = {
        **record,
        "spec": result.spec.model_dump(mode="json"),
        "latent_names": list(result.latent_names),
        "reconstruction": result.reconstruction,
    }
    seal(folder, manifest)


def seal(folder: Path, manifest: dict[str, Any]) -> None:
    """Write a run's manifest, with what lies in its folder; nothing of it may change any more."""
    files = {
        path.name: {"sha256": sha256(path), "bytes": path.stat().st_size}
        for path in sorted(folder.iterdir())
    }
    text = dump_json({**manifest, "files": files})
    (folder / "manifest.json").write_text(text, encoding="utf-8")
    for path in folder.iterdir():
        fsync_path(path)
    fsync_path(folder)
