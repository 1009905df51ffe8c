"""MLflow: a run of an experiment there for each run here."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from typing import Any

from ..errors import optional
from ..grid import BaseSpec, group_id, run_id, run_name
from .tracker import Row, Tracker, config, flat, tags

# What a request may hold.
_MOST_METRICS = 1_000
# The characters that a metric's name there may have.
_NOT_IN_NAMES = re.compile(r"[^\w\-./ :]")
_RUN_ID = "disbench.run_id"


class MLflow(Tracker):
    """Logs every run to a run of an experiment.

    Metrics have the names that `tracker` lists. A run has its spec as parameters, and as tags its
    dataset, kind, seed, `disbench.run_id` and `disbench.group_id`; one that failed has the status
    FAILED and the reason as tag `failure`. A later start of the grid adds to the same run. The
    active run of `mlflow` itself is not touched.

    Parameters
    ----------
    experiment : str
        The experiment; it is created if it is not there.
    tracking_uri : str, optional
        The server or database, such as "sqlite:///mlflow.db"; by default MLflow's own
        (`MLFLOW_TRACKING_URI`, or a database in the working folder).
    progress_seconds : float
        The least time between two notices of a run's progress.

    Raises
    ------
    MissingPackageError
        If MLflow is not installed.

    Examples
    --------
    >>> run_grid("grids/quick.yaml", callbacks=[MLflow("disbench")])  # doctest: +SKIP
    """

    def __init__(
        self,
        experiment: str = "disbench",
        *,
        tracking_uri: str | None = None,
        progress_seconds: float = 10.0,
    ) -> None:
        super().__init__(progress_seconds)
        mlflow = optional("mlflow", "the tracker MLflow needs its package", "mlflow")
        self._client = mlflow.MlflowClient(tracking_uri=tracking_uri)
        found = self._client.get_experiment_by_name(experiment)
        self._experiment = (
            found.experiment_id if found else self._client.create_experiment(experiment)
        )

    def open(self, spec: BaseSpec) -> _Run:
        """Open a run's run: a new one, or that of an earlier start."""
        name = run_id(spec)
        found = self._client.search_runs([self._experiment], f"tags.`{_RUN_ID}` = '{name}'")
        if found:
            run = found[0]
            self._client.update_run(run.info.run_id, status="RUNNING")
            return _Run(self._client, run.info.run_id, failed="failure" in run.data.tags)
        from mlflow.entities import Param

        identities = {_RUN_ID: name, "disbench.group_id": group_id(spec)}
        run = self._client.create_run(
            self._experiment, run_name=run_name(spec), tags={**tags(spec), **identities}
        )
        parameters = [Param(key, str(value)) for key, value in flat(config(spec)).items()]
        self._client.log_batch(run.info.run_id, params=parameters)
        return _Run(self._client, run.info.run_id)


class _Run:
    """The log of a run."""

    def __init__(self, client: Any, name: str, *, failed: bool = False) -> None:
        self._client = client
        self._name = name
        self._failed = failed

    def write(self, rows: Sequence[Row]) -> None:
        """Add values."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        metrics = [
            Metric(_NOT_IN_NAMES.sub("_", name), value, now, step)
            for step, values in rows
            for name, value in values.items()
        ]
        for start in range(0, len(metrics), _MOST_METRICS):
            self._client.log_batch(self._name, metrics=metrics[start : start + _MOST_METRICS])

    def close(self, failure: str | None = None) -> None:
        """Mark the run as finished, or as failed with the reason."""
        if failure is not None:
            self._client.set_tag(self._name, "failure", failure)
        elif self._failed:
            self._client.delete_tag(self._name, "failure")
        self._client.set_terminated(self._name, "FINISHED" if failure is None else "FAILED")
