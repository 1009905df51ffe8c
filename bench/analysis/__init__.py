"""What the tables show: the paper's claims, the capacity doctor, comparison with published numbers.

`Study` holds everything that figures and page are made of, and `load_results` gives users tables
with verdicts. `comparable` decides which runs may be compared; claims and doctor judge only those.
Published numbers come from a module for each source
(`published_ball`, `published_channel`, `published_models`).
"""

from .claims import Verdict, verdict_frame
from .comparable import settings
from .doctor import Diagnosis, diagnosis_frame
from .information import information_table
from .results import Results, load_results
from .study import Study, load_study
from .training_length import SHORT_STEPS, least_steps

__all__ = [
    "SHORT_STEPS",
    "Diagnosis",
    "Results",
    "Study",
    "Verdict",
    "diagnosis_frame",
    "information_table",
    "least_steps",
    "load_results",
    "load_study",
    "settings",
    "verdict_frame",
]
