"""Expand a grid into its runs: all combinations of its axes, and baselines, every value checked."""

from __future__ import annotations

import functools
import itertools
import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from .._siblings import datasets
from ..errors import GridError, GridWarning, OwnCodeError
from ..uncollected import uncollected
from .config import MODEL_KEYS, OF_A_RUN, OWN_LISTS, TRAIN_KEYS, Grid
from .dataset_entries import LIST_OPTIONS, axis_hint, blamed
from .dataset_spec import DatasetSpec, own_dataset
from .identity import run_id
from .own_checks import CHECKS
from .own_code import is_own, own_object, pinned
from .problems import first_problem, unknown_key
from .specs import GRID_ADAPTER, KINDS, RunSpec, TrainedSpec, VAESpec

BASELINE_KINDS = {
    # kind: (the keys of `train` it takes, whether it is repeated for every seed)
    "baseline_untrained": (("architecture", "initialisation", "likelihood", "n_latents"), True),
    "baseline_random": (("n_latents",), True),
    "baseline_pca": (("n_latents",), False),
    "baseline_truth": ((), False),
}
# Kinds whose codes are made of the factors.
_OF_FACTORS = ("factor_channel", "baseline_truth")
# Both architectures halve the image four times.
IMAGE_SIZE_MULTIPLE = 16
# Takes the key of a name, the name and its path; returns the name, pinned if it is of own code.
_Pin = Callable[[str, str, str], str]
# Far above any grid that a person writes: above it is a mistake.
MAX_RUNS = 100_000


@uncollected()
def expand(grid: Grid, source: str = "grid", *, allow_imports: bool = False) -> list[RunSpec]:
    """Return the runs of a grid, in its order, each once.

    Parameters
    ----------
    grid : Grid
        A grid, from `load_grid` or built in Python.
    source : str
        What to call the grid in errors.
    allow_imports : bool
        Whether the code of its author's own that it names may be imported.

    Returns
    -------
    list of RunSpec
        One frozen spec a run.

    Raises
    ------
    GridError
        If a value is unknown, of the wrong type or out of range, or own code may not or cannot be
        imported.

    Warns
    -----
    GridWarning
        If specs are equal after normalisation; they are merged.

    Examples
    --------
    >>> grid = Grid.model_validate({
    ...     "name": "example", "datasets": ["ball"], "seeds": [0, 1],
    ...     "models": [{"kind": "vae"}, {"kind": "beta_vae", "beta": [4, 16]}]})
    >>> len(expand(grid))
    6
    """
    _check_size(grid, source)
    # One source for all runs of the grid, whatever happens to the file meanwhile.
    pin = functools.cache(functools.partial(_checked, allow_imports=allow_imports))
    own_code = functools.partial(_pinned, pin=pin, source=source)
    evaluation = grid.evaluation.model_dump()
    runs: dict[str, RunSpec] = {}
    merged = 0
    shared = list(_datasets(grid.datasets, "datasets", source, own_code))
    # Baselines stand beside every score of a VAE: of each dataset, with the seeds trained on it.
    beside = {DatasetSpec(**dataset): dict.fromkeys(grid.seeds) for dataset, *_ in shared}
    varying = {DatasetSpec(**dataset): varies for dataset, _, varies in shared}
    for position, entry in enumerate(grid.models):
        where = f"models.{position}"
        own = _own_list(entry, "datasets", where, source)
        place = f"{where}.datasets"
        chosen = shared if own is None else list(_datasets(own, place, source, own_code))
        seeds = _own_list(entry, "seeds", where, source) or grid.seeds
        for dataset, n_images, varies in chosen:
            varying[DatasetSpec(**dataset)] = varies
            for values, paths in _candidates(grid, position, source, own_code):
                _check_batch_size(values, paths, dataset, n_images, source)
                if values.get("kind") in _OF_FACTORS and not varies:
                    reason = f"needs factors, of which {dataset['name']} has none that varies"
                    raise GridError(source, paths["kind"], reason)
                for seed in seeds:
                    spec = _build(
                        {**values, "dataset": dataset, "seed": seed, "evaluation": evaluation},
                        {**paths, "seed": f"{where}.seeds"},
                        source,
                    )
                    merged += runs.setdefault(run_id(spec), spec) is not spec
                    if isinstance(spec, VAESpec):
                        beside.setdefault(spec.dataset, {})[seed] = None
    if grid.baselines:
        for used, members in beside.items():
            # Settings of `train` that a baseline does not have make equal specs: no warning here.
            for spec in _baselines(grid, used, list(members), evaluation, source, own_code):
                if varying[used] or spec.kind not in _OF_FACTORS:
                    runs.setdefault(run_id(spec), spec)
    if merged:
        warnings.warn(
            f"{source}: {merged} {'run equals' if merged == 1 else 'runs equal'} another after "
            f"normalisation and {'is' if merged == 1 else 'are'} merged with it",
            GridWarning,
            stacklevel=3,
        )
    return list(runs.values())


def _check_size(grid: Grid, source: str) -> None:
    """Refuse a product of axes that is too large to run, before it is multiplied out."""

    def combinations(entry: Mapping[str, Any]) -> int:
        own = {*OWN_LISTS, *LIST_OPTIONS}
        axes = {key: value for key, value in entry.items() if key not in own}
        options = entry.get("options")
        within = combinations(options) if isinstance(options, Mapping) else 1
        return within * math.prod(len(v) for v in axes.values() if isinstance(v, list))

    total = 0
    for position, entry in enumerate(grid.models):
        where = f"models.{position}"
        references = sum(
            combinations(reference) if isinstance(reference, Mapping) else 1
            for reference in _own_list(entry, "datasets", where, source) or grid.datasets
        )
        seeds = _own_list(entry, "seeds", where, source) or grid.seeds
        total += references * combinations({**grid.train, **entry}) * len(seeds)
    if total > MAX_RUNS:
        raise GridError(
            source, "", f"makes more than {MAX_RUNS:,} runs; split it into several grids"
        )


def _pinned(key: str, name: str, path: str, *, pin: Callable[[str, str], str], source: str) -> str:
    """Return a name as it is, but that of own code with the digest of its source."""
    if not is_own(name):
        return name
    try:
        return pin(key, name)
    except OwnCodeError as error:
        raise GridError(source, path, str(error)) from None


def _checked(key: str, name: str, *, allow_imports: bool) -> str:
    reference = pinned(name, allow_imports=allow_imports)
    if key in CHECKS:
        CHECKS[key](name, own_object(reference))
    return reference


def _datasets(
    entries: Iterable[object], place: str, source: str, own_code: _Pin
) -> Iterator[tuple[dict[str, Any], int, bool]]:
    """Yield datasets with their resolved options and sizes, and whether any factor varies.

    That models fit their images is checked.
    """
    for position, entry in enumerate(entries):
        path = f"{place}.{position}"
        named = {"name": entry} if isinstance(entry, str) else entry
        if not isinstance(named, Mapping):
            raise GridError(source, path, "must be a dataset's name or a mapping with 'name'")
        for options, paths in _product(named, path, source):
            name = options.pop("name", None)
            if not isinstance(name, str):
                raise GridError(source, path, "must be a dataset's name or a mapping with 'name'")
            name = own_code("name", name, path)
            known: str | datasets.DatasetInfo = name
            try:
                known = own_dataset(name) if is_own(name) else name
                resolved = datasets.resolve(known, options)
                dataset = datasets.restore(known, resolved)
            except (ValueError, TypeError, OSError) as error:
                where = blamed(error, options, paths) or path
                raise GridError(source, where, f"{error}{axis_hint(known, options)}") from None
            height, width = dataset.image_shape[1:]
            if height != width or height % IMAGE_SIZE_MULTIPLE:
                raise GridError(
                    source,
                    path,
                    f"images are {height}x{width}; the models need square images whose side is a "
                    f"multiple of {IMAGE_SIZE_MULTIPLE}: set {_fitting(height, width)}",
                )
            varies = max(dataset.factor_sizes) > 1
            yield {"name": name, "options": resolved}, len(dataset), varies


def _fitting(height: int, width: int) -> str:
    """Return the options that make images fit the models."""
    resize = f"resize: {-(-max(height, width) // IMAGE_SIZE_MULTIPLE) * IMAGE_SIZE_MULTIPLE}"
    return resize if height == width else f"pad: {max(height, width)} and resize: 64"


def _own_list(entry: Mapping[str, Any], key: str, where: str, source: str) -> list[Any] | None:
    """Return the list that a model brings in place of the grid's, None where it brings none."""
    value = entry.get(key)
    if value is None:
        return None
    if not isinstance(value, list) or not value:
        raise GridError(
            source, f"{where}.{key}", f"must be a list with a value at least: {key}: [...]"
        )
    return value


def _check_batch_size(
    values: Mapping[str, Any],
    paths: Mapping[str, str],
    dataset: Mapping[str, Any],
    n_images: int,
    source: str,
) -> None:
    """Refuse batches that the dataset cannot fill."""
    size = values.get("batch_size", TrainedSpec.model_fields["batch_size"].default)
    trained = _applies("batch_size", values.get("kind"))
    if trained and isinstance(size, int) and size > n_images:
        path = paths.get("batch_size", paths[""])
        reason = f"batch_size {size} is more than the {n_images} images of {dataset['name']}"
        raise GridError(source, path, reason)


def _candidates(
    grid: Grid, position: int, source: str, own_code: _Pin
) -> Iterator[tuple[dict[str, Any], dict[str, str]]]:
    """Yield every combination of the axes of a model and `train`, with where each value stands."""
    for key in grid.train:
        if key not in TRAIN_KEYS:
            reason = unknown_key(key, TRAIN_KEYS, {"an entry of models": MODEL_KEYS})
            raise GridError(source, f"train.{key}", reason)
    where = f"models.{position}"
    entry = {key: value for key, value in grid.models[position].items() if key not in OWN_LISTS}
    for own, own_paths in _product(entry, where, source):
        inherited = {
            key: value
            for key, value in grid.train.items()
            if key not in entry and _applies(key, own.get("kind"))
        }
        for shared, shared_paths in _product(inherited, "train", source):
            values = {**_in_grids(own.get("kind")), **shared, **own}
            paths = {**shared_paths, **own_paths, "": where}
            partial = values.pop("allow_partial_anneal", False)
            if not isinstance(partial, bool):
                raise GridError(source, paths["allow_partial_anneal"], "must be true or false")
            _check_anneal(values, paths, partial, source)
            yield _with_own_code(values, paths, own_code), paths


def _with_own_code(
    values: Mapping[str, Any], paths: Mapping[str, str], own_code: _Pin
) -> dict[str, Any]:
    return {
        key: own_code(key, value, paths[key]) if key in CHECKS and isinstance(value, str) else value
        for key, value in values.items()
    }


def _in_grids(kind: object) -> Mapping[str, Any]:
    """Return what a grid means by fields that it does not name, where stored runs mean another."""
    known = KINDS.get(kind) if isinstance(kind, str) else None
    return {} if known is None else known.in_grids


def _applies(key: str, kind: object) -> bool:
    """Return whether a key of `train` means anything to a kind: a channel has no `n_latents`."""
    known = KINDS.get(kind) if isinstance(kind, str) else None
    return known is None or key == "allow_partial_anneal" or key in known.model_fields


def _check_anneal(
    values: Mapping[str, Any], paths: Mapping[str, str], partial: bool, source: str
) -> None:
    """Refuse a schedule that training would cut off, unless the grid says that it may."""
    anneal = values.get("anneal_steps")
    steps = values.get("steps", TrainedSpec.model_fields["steps"].default)
    if isinstance(anneal, int) and isinstance(steps, int) and anneal > steps and not partial:
        raise GridError(
            source,
            paths["anneal_steps"],
            f"{anneal} is more than the {steps} steps of training, so the schedule would not end; "
            f"lower it, or set allow_partial_anneal: true",
        )


def _baselines(
    grid: Grid,
    dataset: DatasetSpec,
    seeds: Sequence[int],
    evaluation: dict[str, Any],
    source: str,
    own_code: _Pin,
) -> Iterator[RunSpec]:
    for kind, (keys, per_seed) in BASELINE_KINDS.items():
        settings = {key: grid.train[key] for key in keys if key in grid.train}
        for values, paths in _product(settings, "train", source):
            values = _with_own_code(values, paths, own_code)
            for seed in seeds if per_seed else [0]:
                spec = {**values, "kind": kind, "dataset": dataset.model_dump(), "seed": seed}
                yield _build({**spec, "evaluation": evaluation}, paths, source)


def _product(
    entry: Mapping[str, Any], path: str, source: str
) -> Iterator[tuple[dict[str, Any], dict[str, str]]]:
    """Yield each combination of the list values of `entry`, with the path of every value."""
    axes = []
    for key, value in entry.items():
        if isinstance(value, list) and key not in LIST_OPTIONS:
            if not value:
                raise GridError(source, f"{path}.{key}", "is an empty list; name a value at least")
            axes.append([(item, f"{path}.{key}.{i}") for i, item in enumerate(value)])
        elif key == "options" and isinstance(value, Mapping):
            inner = _product(value, f"{path}.{key}", source)
            axes.append([(options, f"{path}.{key}") for options, _ in inner])
        else:
            axes.append([(value, f"{path}.{key}")])
    for combination in itertools.product(*axes):
        yield (
            {key: value for key, (value, _) in zip(entry, combination, strict=True)},
            {key: where for key, (_, where) in zip(entry, combination, strict=True)},
        )


def _build(values: dict[str, Any], paths: Mapping[str, str], source: str) -> RunSpec:
    try:
        return GRID_ADAPTER.validate_python(values)
    except ValidationError as error:
        kind = KINDS.get(str(values.get("kind")))
        known = [] if kind is None else [key for key in kind.model_fields if key not in OF_A_RUN]
        problem, reason = first_problem(error, [*known, *OWN_LISTS])
        # The location starts with the kind that was chosen, where one was.
        field = problem.removeprefix(f"{values.get('kind')}.")
        entry = paths.get("", "models")
        raise GridError(source, paths.get(field, f"{entry}.{field}".rstrip(".")), reason) from None
