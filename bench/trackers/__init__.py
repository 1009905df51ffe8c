"""Trackers: callbacks that log a grid to TensorBoard, Weights & Biases or MLflow.

`tracker` says what is logged of a run, when, and under which names; a file each says where to. A
tracker of one's own is a `Tracker` with a `Log`, or any class with methods of `callbacks.Callback`.
"""

from .mlflow import MLflow
from .tensorboard import TensorBoard
from .tracker import Log, Tracker
from .wandb import WeightsAndBiases

__all__ = ["Log", "MLflow", "TensorBoard", "Tracker", "WeightsAndBiases"]
