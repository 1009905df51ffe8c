"""Tables of several output folders: whose runs they are, what counts once, what is missing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from ..scoring import scalar_scores
from ..store import Joined
from .collect import Tables, collect
from .headings import metric_info
from .numbers import counted

# Versions that a number may depend on; code is the commit of this suite.
_MATTER = ("code", "torch", "numpy", "scipy", "scikit-learn")
# The most models that a notice names.
_NAMED = 8


def collect_joined(joined: Joined) -> Tables:
    """Read several output folders into tables.

    Parameters
    ----------
    joined : Joined
        The folders.

    Returns
    -------
    Tables
        As of one folder that had all runs, with a column `folder`, with a reason for every score
        that one folder lacks and another has, and with what is repeated.

    Raises
    ------
    DamagedError
        If a training history is not what was committed.
    """
    tables = collect(joined, joined.runs())
    failed = {record["run_id"]: record["folder"] for record in joined.failures()}
    failures = tables.failures.assign(folder=tables.failures["run_id"].map(failed))
    tables = replace(
        tables,
        scores=_with_missing(tables),
        summary=_with_folders(tables.summary, tables.runs),
        failures=failures,
        repeated=_repeated_table(joined, tables.runs),
        folders=tuple(joined.stores),
    )
    return replace(tables, notices=tuple(_notices(joined, tables)))


def _with_folders(summary: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """Add the folders that the runs of a group are of."""
    keys = ["group_id", "precision"]
    if summary.empty:
        return summary.assign(folder=pd.Series(dtype=object))
    folders = runs.groupby(keys, sort=False)["folder"].agg(lambda names: ", ".join(names.unique()))
    return summary.merge(folders.reset_index(), on=keys, how="left")


def _with_missing(tables: Tables) -> pd.DataFrame:
    """Add a row with the reason for every score that a run lacks and one of another folder has."""
    runs, scores = tables.runs, tables.scores
    if runs.empty or scores.empty:
        return scores
    has: dict[Hashable, set[str]] = {}
    for run, metric in zip(scores["run_id"], scores["metric"], strict=True):
        has.setdefault(run, set()).add(str(metric))
    requests = _requests(scores)
    in_folder: dict[str, set[str]] = {}
    models: dict[tuple[str, str], list[str]] = {}
    records = runs[["run_id", "folder", "kind", "group_id", "precision"]].to_dict("records")
    for run in records:
        in_folder.setdefault(run["folder"], set()).update(has.get(run["run_id"], ()))
        models.setdefault((run["group_id"], run["precision"]), []).append(run["folder"])
    # Where a folder lacks it altogether, the reason says all that is to be asked for, once.
    lacking: dict[tuple[str, bool], dict[_Request, None]] = {}
    rows = []
    for run in records:
        own, folder = has.get(run["run_id"], set()), run["folder"]
        seeds = models[run["group_id"], run["precision"]]
        place = folder, run["kind"] == "codes"
        for column, request in requests.items():
            # A note why there is no score is stored under the metric's name alone.
            if column in own or request.name in own:
                continue
            if request.of_group and (run["kind"].startswith("baseline_") or len(seeds) < 2):
                continue
            reason: str | tuple[str, bool] = place
            if not own:
                reason = f"not computed in {folder} yet; start its grid again"
            elif request.of_group and len({*seeds}) > 1:
                both = ", ".join(dict.fromkeys(seeds))
                reason = (
                    f"all seeds of a model are compared, and they lie in several folders ({both})"
                )
            elif column in in_folder[folder]:
                continue
            else:
                lacking.setdefault(place, {})[request] = None
            rows.append({"run_id": run["run_id"], "metric": column, "reason": reason, "detail": {}})
    if not rows:
        return scores
    missing = pd.DataFrame(rows, columns=[*scores], dtype=object)
    remedies = {place: _remedy(*place, [*wanted]) for place, wanted in lacking.items()}
    missing["reason"] = [remedies.get(reason, reason) for reason in missing["reason"]]
    whole = pd.concat([scores.astype(object), missing], ignore_index=True)
    places = {run["run_id"]: place for place, run in enumerate(records)}
    order = whole["run_id"].map(places).sort_values(kind="stable").index
    # A reason may be the first of its table.
    return whole.loc[order].reset_index(drop=True).astype(scores.dtypes.drop("reason").to_dict())


@dataclass(frozen=True)
class _Request:
    """What columns of scores were asked for as: a metric, its options as in a grid."""

    name: str
    options: str
    of_group: bool

    def __str__(self) -> str:
        return f"{{name: {self.name}, {self.options}}}" if self.options else self.name


def _requests(scores: pd.DataFrame) -> dict[str, _Request]:
    """Return what every column was asked for as, in the order of the columns."""
    found: dict[str, _Request] = {}
    for column, options in zip(scores["metric"], scores["options"], strict=True):
        if column not in found or (options and not found[column].options):
            info = metric_info(column)
            name = column if info is None else info.name
            listed = ", ".join(f"{key}: {json.dumps(v)}" for key, v in (options or {}).items())
            found[column] = _Request(name, listed, info is not None and info.level == "group")
    return found


def _remedy(folder: str, are_codes: bool, wanted: Sequence[_Request]) -> str:
    """Return why runs of a folder have none of some scores, and how they get them."""
    listed = ", ".join(map(str, wanted))
    if not are_codes:
        how = f"add {listed} to the metrics of its grid and start it again: no run is repeated"
    elif any(request.options for request in wanted):
        how = f"score its codes again, from Python, with metrics [{listed}]"
    else:
        how = f"score its codes again with --metrics {listed.replace(' ', '')}"
    return f"not computed in {folder}; {how}"


def _repeated_table(joined: Joined, runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs that folders have different results of, each with its scores."""
    different = [one for one in joined.repeated if not one.is_equal]
    if not different:
        return pd.DataFrame()
    described = runs.set_index("run_id")[["dataset", "dataset_options", "label", "seed"]]
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for one in different:
        name = one.counted.run_id
        for run, counts in ((one.counted, True), (one.run, False)):
            execution, torch = run.manifest.execution, run.manifest.versions.torch
            rows[name, run.origin] = {
                "run_id": name,
                "folder": run.origin,
                "counts": counts,
                **{str(key): value for key, value in described.loc[name].items()},
                "code": run.manifest.git_commit,
                "device": execution.device_name,
                "torch": torch,
                "code_bits": run.manifest.shared.code_bits,
                "reconstruction": run.manifest.reconstruction,
                **scalar_scores(joined, run),
            }
    places = {name: place for place, name in enumerate(runs["run_id"])}
    ordered = sorted(rows.values(), key=lambda row: places[row["run_id"]])
    frame = pd.DataFrame(ordered)
    return frame.drop(columns="code_bits") if frame["code_bits"].isna().all() else frame


def _notices(joined: Joined, tables: Tables) -> Iterable[str]:
    """Yield what has to be known of several folders before any number."""
    runs = tables.runs
    there = set(runs["folder"]) if len(runs) else set()
    repeats = Counter((one.counted.origin, one.run.origin, one.is_equal) for one in joined.repeated)
    for origin in joined.stores:
        if origin not in there and not any(other == origin for _, other, _ in repeats):
            yield f"{origin} has no finished run."
    for origin, n_damaged in joined.damaged.items():
        yield f"Left out of {origin}: {counted(n_damaged, 'run')} whose files are damaged."
    for (first, other, is_equal), n_runs in repeats.items():
        both = f"{first} and {other} both have {counted(n_runs, 'run')}"
        if is_equal:
            yield f"{both} with the same codes: counted once."
        else:
            yield (
                f"{both} with different results: counted once, as {first} has them. Both are in "
                f"tables/repeated.csv."
            )
    for called, plain in joined.renamed.items():
        yield f"{called} is a {plain} of other images: nothing is pooled or compared with {plain}."
    if len(runs):
        yield from _pooled(runs)
    yield from _other_versions(joined, tables.provenance)


def _pooled(runs: pd.DataFrame) -> Iterable[str]:
    models = runs[~runs["kind"].str.startswith("baseline_")]
    folders = models.groupby(["group_id", "precision"], sort=False).agg(
        label=("label", "first"), folders=("folder", "unique")
    )
    alike: dict[tuple[str, ...], list[str]] = {}
    for label, names in zip(folders["label"], folders["folders"], strict=True):
        if len(names) > 1:
            alike.setdefault(tuple(sorted(names)), []).append(label)
    for names, labels in alike.items():
        listed = [*dict.fromkeys(labels)]
        more = f" and {len(listed) - _NAMED} more" if len(listed) > _NAMED else ""
        yield f"Seeds of {' and '.join(names)} are pooled: {', '.join(listed[:_NAMED])}{more}."


def _other_versions(joined: Joined, provenance: pd.DataFrame) -> Iterable[str]:
    """Yield in which versions the folders differ."""
    known: dict[str, dict[str, set[str]]] = {
        origin: {name: {*found} for name, found in versions.items()}
        for origin, versions in joined.scored_with.items()
    }
    for row in provenance.to_dict("records"):
        versions = known.setdefault(row["folder"], {})
        for name in ("code", "torch"):
            # Codes from elsewhere were made by no known code, and without torch.
            if isinstance(row.get(name), str) and row[name] != "none":
                versions.setdefault(name, set()).add(row[name])
    differing = []
    for name in _MATTER:
        by_folder = {o: v[name] for o, v in known.items() if v.get(name)}
        if len({frozenset(found) for found in by_folder.values()}) > 1:
            differing.append(f"{name} {_listed(by_folder)}")
    if differing:
        yield (
            f"The folders were made with different versions, and scores may differ by that: "
            f"{'; '.join(differing)}."
        )


def _listed(by_folder: Mapping[str, Iterable[str]]) -> str:
    return ", ".join(
        f"{' and '.join(_short(v) for v in sorted(found))} ({origin})"
        for origin, found in by_folder.items()
    )


def _short(version: str) -> str:
    """Return a version as it is read; of a commit its first digits."""
    commit, dash, state = version.partition("-")
    return f"{commit[:8]}{dash}{state}" if len(commit) == 40 else version
