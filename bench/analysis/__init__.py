"""Tables -> what they say: the paper's claims, the capacity doctor, ours beside published numbers.

`Study` holds all that figures and page are made of. `comparable` says which runs may be compared;
claims and doctor judge nothing else. What was read off one source (`published_ball`,
`published_channel`, `published_models`) and what latents know of factors (`information`) is
imported from these modules.
"""

from .claims import verdict_frame
from .comparable import settings
from .doctor import Diagnosis, diagnosis_frame
from .information import information_table
from .published import published_table
from .published_ball import ball_latents
from .published_channel import utilisation_table
from .study import Study, load_study
from .training_length import SHORT_STEPS, least_steps

__all__ = [
    "SHORT_STEPS",
    "Diagnosis",
    "Study",
    "ball_latents",
    "diagnosis_frame",
    "information_table",
    "least_steps",
    "load_study",
    "published_table",
    "settings",
    "utilisation_table",
    "verdict_frame",
]
