"""Codes made elsewhere: check them, store them as runs of an output folder, score them.

`arrays`, `callables` and `files` check the input, `commit` stores it as ordinary runs, `scores`
scores them, and `details` lists what each score is a mean of. `evaluator` scores codes in anyone's
training loop, and stores nothing.
"""

from .arrays import CodesArrays, check_codes, check_given
from .callables import Encode, as_callables, as_dataset, as_requests, encode_images
from .commit import ExternalCodes, check_name, dataset_entry, default_folder
from .files import read_codes
from .scores import Scores, score_models

__all__ = [
    "CodesArrays",
    "Encode",
    "ExternalCodes",
    "Scores",
    "as_callables",
    "as_dataset",
    "as_requests",
    "check_codes",
    "check_given",
    "check_name",
    "dataset_entry",
    "default_folder",
    "encode_images",
    "read_codes",
    "score_models",
]
