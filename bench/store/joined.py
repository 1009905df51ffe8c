"""Joined: several output folders, read as if they were one. Nothing is written to any of them.

No lock is taken either: runs are committed by one rename and never change, and every other file is
replaced as a whole, so a folder can be read while its grid is running.

A run counts once, however many folders have it. Two runs are the same where they agree in id,
precision and images; of several the one in the folder that was named first counts. Codes from
elsewhere are known by a name alone, which two people may have chosen: those of two folders are two
models, unless one folder's are all among the other's.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..errors import printable
from ..grid import Codes, RunSpec, group_id
from .files import DamagedError
from .folder import StoreError
from .scores import NOTE, Scored, ScoreEntry, in_brief
from .store import Store
from .stored_run import CURVES, SNAPSHOTS, StoredRun

log = logging.getLogger("disbench")
# Letters of a folder's name beyond which tables and figures have no room.
_MAX_NAME = 40


@dataclass(frozen=True)
class JoinedRun(StoredRun):
    """A run among those of other folders, under an id and a specification that tell it apart."""

    told: RunSpec = field(kw_only=True)
    table_id: str = field(kw_only=True)
    model_id: str = field(kw_only=True)

    @property
    def spec(self) -> RunSpec:
        """The specification, a name in it with that of the folder where two folders share it."""
        return self.told

    @property
    def run_id(self) -> str:
        """The id that no other run of the tables has."""
        return self.table_id

    @property
    def group_id(self) -> str:
        """The identity of the model that the run is one seed of."""
        return self.model_id


@dataclass(frozen=True)
class Repeated:
    """A run that does not count, as another folder's run is the same.

    Attributes
    ----------
    run, counted : StoredRun
        The run, and the one that counts in its place.
    """

    run: StoredRun
    counted: StoredRun

    @property
    def is_equal(self) -> bool:
        """Whether both have the same codes."""
        return self.run.codes_digest == self.counted.codes_digest


@dataclass(frozen=True)
class Joined:
    """Several output folders as one source of tables and figures.

    Attributes
    ----------
    stores : mapping
        The folders, by the names that tell them apart, in the order they were given in.
    counted : mapping
        Run id to run, each with its folder's name as `origin`.
    repeated : tuple of Repeated
        What does not count.
    damaged : mapping
        Folder to how many of its runs are damaged and left out; only those that have some.
    renamed : mapping
        Datasets that folders have different images of: what one is called, to its name.
    scored_with : mapping
        Folder to the versions that the scores read so far were computed with, by name.
    """

    stores: Mapping[str, Store]
    counted: Mapping[str, StoredRun]
    repeated: tuple[Repeated, ...]
    damaged: Mapping[str, int]
    renamed: Mapping[str, str]
    _holders: Mapping[str, Sequence[str]]
    scored_with: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    _scored: dict[str, Scored] = field(default_factory=dict)
    _functions: dict[str, str] = field(default_factory=dict)

    def runs(self) -> list[StoredRun]:
        """Return the runs that count."""
        return [*self.counted.values()]

    def scored(self, run: StoredRun) -> Scored:
        """Return what there is of a run's scores, in brief."""
        if run.run_id not in self._scored:
            entries = self.entries(run.manifest.run_id, run.codes_digest)
            self._scored[run.run_id] = in_brief(entries)
        return self._scored[run.run_id]

    def read_scores(self, name: str, of: str) -> dict[str, Any]:
        """Return the scores that any of the folders has of these codes."""
        found: dict[str, Any] = {}
        for origin in self._with(of):
            found = {**self.stores[origin].read_scores(name, of), **found}
        return found

    def entries(self, name: str, of: str) -> dict[str, list[ScoreEntry]]:
        """Return the scores that any of the folders has of these codes, in the form to read."""
        found: dict[str, list[ScoreEntry]] = {}
        for origin in self._with(of):
            for key, entries in self.stores[origin].entries(name, of).items():
                if not any(entry.value is not None for entry in found.get(key, ())):
                    found[key] = self._told(key, entries, origin)
                    self._note_versions(entries, origin)
        asked = {key for key in found if key.startswith(NOTE)}
        # What one folder left out, another may have computed.
        done = {key.split('"', 2)[1] for key in found.keys() - asked} if asked else ()
        return {k: v for k, v in found.items() if k not in asked or k[len(NOTE) :] not in done}

    def failures(self) -> list[dict[str, Any]]:
        """Return the records of runs that failed, with their folder, and that no folder has."""
        known = {run.manifest.run_id for run in self.counted.values()}
        records: dict[str, dict[str, Any]] = {}
        for origin, store in self.stores.items():
            for record in store.failures():
                if record["run_id"] not in known:
                    records.setdefault(record["run_id"], {**record, "folder": origin})
        return [*records.values()]

    def frames_path(self, identity: str) -> Path:
        """Return where the images that show a run are stored, in any folder that has its codes."""
        run = self.counted[identity]
        origins = [run.origin, *self._with(run.codes_digest)]
        paths = [self.stores[origin].frames_path(run.manifest.run_id) for origin in origins]
        return next((path for path in paths if os.path.lexists(path)), paths[0])

    def _with(self, codes: str) -> Sequence[str]:
        """Return the folders that have these codes; of a group's, the first of them."""
        return self._holders.get(codes.partition(" ")[0], ())

    def _told(self, key: str, entries: list[ScoreEntry], origin: str) -> list[ScoreEntry]:
        """Give scores by another function of the same name a column of their own."""
        # The key of an imported metric ends with its function.
        if not key.endswith('"]'):
            return entries
        name, function = key.split('"', 2)[1], key.rsplit('"', 2)[1]
        if self._functions.setdefault(name, function) == function:
            return entries
        return [e.model_copy(update={"column": f"{e.column} ({origin})"}) for e in entries]

    def _note_versions(self, entries: Iterable[ScoreEntry], origin: str) -> None:
        known = self.scored_with.setdefault(origin, {})
        for entry in entries:
            versions = (entry.model_extra or {}).get("versions")
            for name, version in versions.items() if isinstance(versions, dict) else ():
                known.setdefault(name, set()).add(str(version))


def join(stores: Sequence[Store]) -> Joined:
    """Read several output folders as one.

    Parameters
    ----------
    stores : sequence of Store
        The folders; where two have the same run, the first one's counts.

    Returns
    -------
    Joined
        Their runs and scores.

    Raises
    ------
    StoreError
        If a folder is named twice.
    """
    named = dict(zip(folder_names([store.folder for store in stores]), stores, strict=True))
    found, damaged = [], {}
    for origin, store in named.items():
        runs, left_out = _sound_runs(store)
        found += [(origin, run) for run in runs]
        if left_out:
            damaged[origin] = left_out
    copies = _copied_models(found)
    first: dict[tuple[str, ...], tuple[str, StoredRun]] = {}
    others = []
    for origin, run in found:
        _, one = first.setdefault(_identity(origin, run, copies), (origin, run))
        if one is not run:
            others.append((origin, run, one))
    datasets, renamed = _datasets(first.values())
    models = _models(copies)
    counted: dict[str, StoredRun] = {}
    places: dict[Path, StoredRun] = {}
    for origin, run in first.values():
        name = run.run_id if run.run_id not in counted else f"{run.run_id} ({origin})"
        dataset = datasets[run.spec.dataset.model_dump_json(), run.fingerprint]
        told = _told(run.spec, dataset, models.get((_model(run), origin)))
        model = run.group_id if told is run.spec else group_id(told)
        counted[name] = places[run.folder] = JoinedRun(
            run.folder, run.manifest, origin, told=told, table_id=name, model_id=model
        )
    holders: dict[str, dict[str, None]] = {}
    for origin, run in found:
        holders.setdefault(run.codes_digest, {})[origin] = None
    repeated = [
        Repeated(replace(run, origin=origin), places[one.folder]) for origin, run, one in others
    ]
    by_codes = {digest: [*origins] for digest, origins in holders.items()}
    return Joined(named, counted, tuple(repeated), damaged, renamed, by_codes)


def folder_names(folders: Sequence[Path]) -> list[str]:
    """Return the shortest parts of paths that tell folders apart.

    Raises
    ------
    StoreError
        If two are the same folder.

    Examples
    --------
    >>> folder_names([Path("results/alice/quick"), Path("results/bob/quick")])
    ['alice', 'bob']
    >>> folder_names([Path("a/quick"), Path("a/paper"), Path("b/quick")])
    ['a/quick', 'a/paper', 'b/quick']
    """
    places: dict[Path, Path] = {}
    for folder in folders:
        same = places.setdefault(folder.resolve(), folder)
        if same is not folder:
            raise StoreError(f"{folder}: is the same folder as {same}; name each folder once")
    parts = [Path(os.path.abspath(folder)).parts for folder in folders]
    while len({part[0] for part in parts}) == 1 and min(map(len, parts)) > 1:
        parts = [part[1:] for part in parts]
    while len({part[-1] for part in parts}) == 1 and min(map(len, parts)) > 1:
        parts = [part[:-1] for part in parts]
    names: list[str] = []
    for part in parts:
        # The name may be anybody's.
        whole = printable("/".join(part))
        short = whole if len(whole) <= _MAX_NAME else f"…{whole[1 - _MAX_NAME :]}"
        names.append(short if short not in names else f"{short} #{len(names) + 1}")
    return names


def _sound_runs(store: Store) -> tuple[list[StoredRun], int]:
    """Return the runs whose curves can be believed, and how many others there are."""
    runs, damaged = store.scan()
    reasons = [*damaged.values()]
    sound = []
    for run in runs:
        try:
            # Read without the lock: a run may be set aside at any moment, as one of these files
            # does not match.
            for name in filter(run.has, (CURVES, SNAPSHOTS)):
                run.verify(name)
            sound.append(run)
        except DamagedError as error:
            reasons.append(str(error))
    for reason in reasons:
        log.warning("left out: %s; the next start of its grid makes it again", reason)
    return sound, len(reasons)


# Dataset and name of codes from elsewhere.
_Model = tuple[str, ...]


def _copied_models(found: Iterable[tuple[str, StoredRun]]) -> Mapping[_Model, Mapping[str, str]]:
    """Return, of every model of codes, the folders that have it: each to the one that counts."""
    held: dict[_Model, dict[str, set[str]]] = {}
    for origin, run in found:
        if isinstance(run.spec, Codes):
            held.setdefault(_model(run), {}).setdefault(origin, set()).add(run.run_id)
    return {model: _holding_all(ids) for model, ids in held.items()}


def _holding_all(ids: Mapping[str, set[str]]) -> dict[str, str]:
    """Return, for each folder, the first one with the most runs that has all of its runs."""
    largest = sorted(ids, key=lambda origin: -len(ids[origin]))
    return {origin: next(other for other in largest if ids[origin] <= ids[other]) for origin in ids}


def _model(run: StoredRun) -> _Model:
    return (run.spec.dataset.model_dump_json(), run.fingerprint, getattr(run.spec, "name", ""))


def _identity(
    origin: str, run: StoredRun, copies: Mapping[_Model, Mapping[str, str]]
) -> tuple[str, ...]:
    """Return what two runs have in common that count once."""
    model = copies[_model(run)][origin] if isinstance(run.spec, Codes) else ""
    return run.run_id, run.precision, run.fingerprint, model


def _models(copies: Mapping[_Model, Mapping[str, str]]) -> dict[tuple[_Model, str], str]:
    """Return what codes are called whose name two folders have for different models."""
    taken = {model[-1] for model in copies}
    return {
        (model, origin): _with_folder(model[-1], origin, taken)
        for model, counted in copies.items()
        if len({*counted.values()}) > 1
        for origin in counted
    }


def _datasets(
    found: Collection[tuple[str, StoredRun]],
) -> tuple[dict[tuple[str, str], str], dict[str, str]]:
    """Return what a dataset is called by its fingerprint, and the names that are not its own.

    The images of the folder that was named first have the plain name.
    """
    taken = {run.spec.dataset.name for _, run in found}
    names: dict[tuple[str, str], str] = {}
    first: dict[str, str] = {}
    renamed: dict[str, str] = {}
    # Datasets of a name that differ in their options may share another name too.
    made: dict[tuple[str, str, int], str] = {}
    times: Counter[tuple[str, str]] = Counter()
    for origin, run in found:
        dataset = run.spec.dataset.model_dump_json()
        key = (dataset, run.fingerprint)
        plain = run.spec.dataset.name
        if first.setdefault(dataset, run.fingerprint) == run.fingerprint:
            names[key] = plain
        elif key not in names:
            place = (plain, origin, times[dataset, origin])
            times[dataset, origin] += 1
            if place not in made:
                made[place] = _with_folder(plain, origin, taken)
                renamed[made[place]] = plain
            names[key] = made[place]
    return names, renamed


def _with_folder(name: str, origin: str, taken: set[str]) -> str:
    """Return a name with its folder's, and take it: nothing else is called so."""
    found = f"{name} ({origin})"
    while found in taken:
        found += "*"
    taken.add(found)
    return found


def _told(spec: RunSpec, dataset: str, name: str | None) -> RunSpec:
    """Return a specification of other names; ids and labels follow from it, so all are apart."""
    changes: dict[str, Any] = {} if name is None else {"name": name}
    if dataset != spec.dataset.name:
        changes["dataset"] = spec.dataset.model_copy(update={"name": dataset})
    return spec.model_copy(update=changes) if changes else spec
