"""Capacity doctor: a verdict on every capacity run, with its numbers, its reason and a remedy.

`diagnose` finds what can be compared, `_frontier` says how steep the data are, `_examination` has
the measurements and the rules, `_sentences` the words.
"""

from ._examination import Examination
from .diagnose import Diagnosis, diagnose, diagnosis_frame

__all__ = ["Diagnosis", "Examination", "diagnose", "diagnosis_frame"]
