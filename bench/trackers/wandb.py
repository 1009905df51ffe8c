"""Weights & Biases: a run there for each run here, online or offline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import optional
from ..grid import BaseSpec, group_id, run_id, run_name
from .tracker import Row, Tracker, config, tags


class WeightsAndBiases(Tracker):
    """Logs every run to a run of Weights & Biases with the same id.

    Charts have the names that `tracker` lists, over `step`. A run has its spec as config, its
    `group_id` as group, its kind as job type, and dataset, kind and seed as tags; one that failed
    is marked so there, with the reason as `failure` in its summary. A later start of the grid adds
    to the same run. Runs are opened side by side, and `wandb.run` is not touched.

    Parameters
    ----------
    project : str
        The project.
    settings : mapping, optional
        Of `wandb.Settings`. By default nothing is printed and the console is not captured.
    progress_seconds : float
        The least time between two notices of a run's progress.
    **options
        Of `wandb.init`: `entity`, `mode`, `dir`, `notes`, or a `group` and `tags` of your own. With
        `mode="offline"` nothing is sent; `wandb sync` does that later.

    Raises
    ------
    MissingPackageError
        If wandb is not installed.

    Examples
    --------
    >>> tracker = WeightsAndBiases("disbench", mode="offline")    # doctest: +SKIP
    >>> run_grid("grids/quick.yaml", callbacks=[tracker])         # doctest: +SKIP
    """

    def __init__(
        self,
        project: str = "disbench",
        *,
        settings: Mapping[str, Any] | None = None,
        progress_seconds: float = 10.0,
        **options: Any,
    ) -> None:
        super().__init__(progress_seconds)
        self._wandb = optional("wandb", "the tracker WeightsAndBiases needs wandb", "wandb")
        # A grid opens hundreds of runs: what each prints would hide what the grid says.
        self._settings = {"silent": True, "console": "off", **(settings or {})}
        self._options = {**options, "project": project}

    def open(self, spec: BaseSpec) -> _Run:
        """Open a run's run, beside whatever others are open."""
        about = {
            "name": run_name(spec),
            "group": group_id(spec),
            "job_type": spec.kind,
            "tags": [f"seed {text}" if key == "seed" else text for key, text in tags(spec).items()],
        }
        run = self._wandb.init(
            id=run_id(spec),
            resume="allow",
            reinit="create_new",
            config=config(spec),
            settings=self._wandb.Settings(**self._settings),
            **{**about, **self._options},
        )
        run.define_metric("*", step_metric="step")
        return _Run(run)


class _Run:
    """The log of a run."""

    def __init__(self, run: Any) -> None:
        self._run = run

    def write(self, rows: Sequence[Row]) -> None:
        """Add values; the steps are a chart's axis, and need not rise."""
        for step, values in rows:
            self._run.log({"step": step, **values})

    def close(self, failure: str | None = None) -> None:
        """Mark the run as finished, or as failed with the reason."""
        if failure is not None or self._run.summary.get("failure"):
            self._run.summary["failure"] = failure
        self._run.finish(exit_code=0 if failure is None else 1)
