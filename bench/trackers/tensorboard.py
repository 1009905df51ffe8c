"""TensorBoard: a folder of event files for each run. TensorBoard's own writer: no torch."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import optional
from ..grid import BaseSpec, arguments as given, group_id, run_id, run_name
from .tracker import Row, Tracker, config, flat


class TensorBoard(Tracker):
    """Logs every run to a folder of its own, which `tensorboard --logdir FOLDER` shows.

    Scalars have the names that `tracker` lists. HPARAMS has a row for each run, with its spec and
    its scores; seeds of one model are sessions of one group there. Why a run failed is a text.

    Parameters
    ----------
    folder : str or Path
        In which the folders are made, one for each run.
    progress_seconds : float
        The least time between two notices of a run's progress.

    Raises
    ------
    MissingPackageError
        If TensorBoard is not installed.

    Examples
    --------
    >>> run_grid("grids/quick.yaml", callbacks=[TensorBoard("logs")])  # doctest: +SKIP
    """

    def __init__(
        self, folder: str | Path = "tensorboard", *, progress_seconds: float = 10.0
    ) -> None:
        super().__init__(progress_seconds)
        writers = "tensorboard.summary.writer.event_file_writer"
        what = "the tracker TensorBoard needs its package"
        self._writer = optional(writers, what, "tensorboard").EventFileWriter
        self._folder = given.path(folder)

    def open(self, spec: BaseSpec) -> _EventFiles:
        """Open a new event file in a run's folder."""
        name = f"{run_name(spec)} {run_id(spec)}".replace("/", "_")
        return _EventFiles(self._writer(str(self._folder / name)), spec)


class _EventFiles:
    """The log of a run."""

    def __init__(self, writer: Any, spec: BaseSpec) -> None:
        from tensorboard.plugins.hparams.summary_v2 import hparams_pb

        self._writer = writer
        self._add(0, hparams_pb(flat(config(spec)), trial_id=group_id(spec)))

    def write(self, rows: Sequence[Row]) -> None:
        """Add values, and pass them on to the file at once: the process may end any moment."""
        for step, values in rows:
            self._add(step, *_scalars(values))
        self._writer.flush()

    def close(self, failure: str | None = None) -> None:
        """Mark the run as finished, or as failed with the reason."""
        from tensorboard.plugins.text.summary_v2 import text_pb

        if failure is not None:
            self._add(0, text_pb("failure", failure))
        self._add(0, _end(failure is None))
        self._writer.close()

    def _add(self, step: int, *summaries: object) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        event = Event(wall_time=time.time(), step=step)
        for summary in summaries:
            event.summary.MergeFrom(summary)
        self._writer.add_event(event)


def _scalars(values: Mapping[str, float]) -> list[object]:
    from tensorboard.plugins.scalar.summary_v2 import scalar_pb

    return [scalar_pb(name, value) for name, value in values.items()]


def _end(success: bool) -> object:
    # The plugin's own function for this needs TensorFlow.
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

    status = api_pb2.STATUS_SUCCESS if success else api_pb2.STATUS_FAILURE
    end = plugin_data_pb2.SessionEndInfo(status=status, end_time_secs=time.time())
    data = plugin_data_pb2.HParamsPluginData(session_end_info=end)
    summary = Summary()
    summary.value.add(
        tag=metadata.SESSION_END_INFO_TAG,
        metadata=metadata.create_summary_metadata(data),
        tensor=metadata.NULL_TENSOR,
    )
    return summary
