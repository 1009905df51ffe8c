"""Capacity doctor: a verdict on every capacity run, with its numbers, its reason and a remedy.

`diagnose` finds runs that can be compared, `_reference` the β = 1 runs among them, `_frontier`
measures how steep their rate–distortion curve is, `_examination` has the measurements and rules,
`_sentences` the wording.
"""

from ._examination import Examination
from .diagnose import Diagnosis, diagnose, diagnosis_frame

__all__ = ["Diagnosis", "Examination", "diagnose", "diagnosis_frame"]
