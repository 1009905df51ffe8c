"""Export the model of a run as a folder in the layout of the Hugging Face Hub.

    disbench export results/quick/runs/<run id> exported/my-model --license mit

The folder has `model.safetensors`, `config.json` and `README.md`, a card that says what the model
was trained on, what it scored, and how it is loaded with and without disbench. Nothing is uploaded.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._siblings import datasets
from .commands import command, say
from .errors import OwnCodeError
from .grid import DatasetSpec, TrainedSpec, arguments as given, is_pinned
from .options.export import UNKNOWN, license_identifier, parser
from .scoring import run_entries, scalar_scores
from .store import Store, StoredRun, StoreError, making, new_folder, read_run, resolved
from .tables import metric_info, metric_title

if TYPE_CHECKING:
    from .models.model_card import CardScore
    from .models.plain import PlainModel


def export(run: str | Path, target: str | Path, *, license_id: str = UNKNOWN) -> Path:
    """Write the model of a run as a folder of its own.

    Parameters
    ----------
    run : str or Path
        A folder `runs/<run id>` of an output folder, which is only read.
    target : str or Path
        The new folder: not there yet, and not inside of an output folder.
    license_id : str
        The license of the weights, by an identifier of the Hub: "apache-2.0", "mit", "unknown".

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    DamagedError, StoreError, WriteError
        If the run cannot be read, or the folder is there already or cannot be written. There is no
        such folder then.
    MissingPackageError
        If safetensors is not installed.
    ValueError
        If the run has no model or one of an own architecture, or the license is no identifier.

    Examples
    --------
    >>> export("results/quick/runs/0123456789abcdef", "exported/vae")  # doctest: +SKIP
    PosixPath('exported/vae')
    """
    try:
        license_identifier(license_id)
    except ValueError as error:
        raise ValueError(f"license_id {error}") from None
    folder, source = new_folder(given.path(target)), resolved(given.path(run))
    if (source / "runs").is_dir():
        raise StoreError(f"{source}: is an output folder; name a run of it: {source}/runs/<run id>")
    if is_pinned(getattr(read_run(source).spec, "architecture", "")):
        raise OwnCodeError(
            f"{source}: cannot be exported: its architecture is own code, which the folder would "
            f"lack; from Python its modules are load_run(..., allow_imports=True).model.members[0]"
        )

    # They load torch, which takes seconds.
    from .models.exported import write_exported
    from .models.load import load_run

    loaded = load_run(source)
    model = loaded.to_torch()
    with making(folder) as staged:
        write_exported(staged, model, _about(loaded.run, loaded.architecture))
        card = _card(loaded.run, model, license_id)
        (staged / "README.md").write_text(card, encoding="utf-8")
    return folder


def _about(run: StoredRun, architecture: str) -> dict[str, Any]:
    """Return where a model comes from, as `config.json` has it."""
    manifest = run.manifest
    spec = run.spec.model_dump(mode="json")
    spec["dataset"]["options"] = _public_options(run.spec.dataset)
    return {
        "architecture": architecture,
        "latent_names": run.latent_names,
        "run": {
            "run_id": run.run_id,
            "group_id": run.group_id,
            "spec": spec,
            "dataset": manifest.dataset.model_dump(mode="json"),
            "precision": run.precision,
            "versions": manifest.versions.model_dump(mode="json"),
            "git_commit": manifest.git_commit,
            **manifest.shared.model_dump(mode="json", exclude_none=True),
        },
    }


def _card(run: StoredRun, model: PlainModel, license_id: str) -> str:
    from .models.model_card import model_card

    spec = run.spec
    return model_card(
        model,
        title=f"{spec.title} on {spec.dataset.name}",
        kind=spec.kind,
        dataset=spec.dataset.name,
        license_id=license_id,
        facts=list(_facts(run)),
        scores=_scores(run),
    )


def _facts(run: StoredRun) -> Iterator[tuple[str, object]]:
    """Yield how a model was trained, in rows of a table."""
    spec, dataset = run.spec, run.manifest.dataset
    sizes = zip(dataset.factor_names, dataset.factor_sizes, strict=True)
    yield "dataset", spec.dataset.name
    for key, value in _public_options(spec.dataset).items():
        yield f"its {key.replace('_', ' ')}", value
    yield "images", f"{dataset.n_images:,}"
    yield "factors", ", ".join(f"{name} ({size})" for name, size in sizes)
    yield "fingerprint of the images", dataset.fingerprint
    for key, value in spec.model_dump(mode="json", exclude={"dataset", "evaluation"}).items():
        if value is not None:
            yield key.replace("_", " "), value
    if isinstance(spec, TrainedSpec):
        yield "precision of training", run.precision
    yield "evaluated on images", spec.evaluation.images
    if run.manifest.reconstruction is not None:
        yield "reconstruction, nats per image", f"{run.manifest.reconstruction:.4g}"
    if run.manifest.shared.weight_bits is not None:
        yield "significant bits of the weights", run.manifest.shared.weight_bits
    yield "run id", run.run_id
    yield "code of disbench", run.manifest.git_commit or "not known"
    yield "PyTorch", run.manifest.versions.torch


def _public_options(dataset: DatasetSpec) -> dict[str, Any]:
    """Return a dataset's options, of files the names alone: where they lie is nobody's affair."""
    info = datasets.DATASETS.get(dataset.name)
    known = info.options if info is not None else {}
    return {
        key: Path(value).name if key in known and known[key].kind is Path else value
        for key, value in dataset.options.items()
    }


def _scores(run: StoredRun) -> list[CardScore]:
    """Return the scores in the output folder that the run lies in; none where it lies in none."""
    from .models.model_card import CardScore

    try:
        store = Store(run.folder.parent.parent)
    except StoreError:
        return []
    entries = {entry.column: entry for entry in run_entries(store, run)}
    found = []
    for column, value in scalar_scores(store, run).items():
        info = metric_info(column)
        score = CardScore(column, metric_title(column), info.name if info else None, value)
        if entry := entries.get(column):
            score = replace(score, chance=entry.chance, ceiling=entry.ceiling)
        found.append(score)
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Export a model and return the exit code."""

    def work() -> int:
        options = parser().parse_args(argv)
        say(f"exported: {export(options.run, options.target, license_id=options.license)}")
        return 0

    return command(work, stopped="no folder is left")


if __name__ == "__main__":
    sys.exit(main())
