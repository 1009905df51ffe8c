"""The paper's claims as tests on tables: each gives a verdict, and none opens a run folder.

The contrast, direction and margin of a claim are constants at the top of its file. A claim reads
metric columns, the KL of latents and training histories, and computes nothing else from a run. A
new claim needs its file and a line in `CLAIMS`.
"""

from __future__ import annotations

from ...tables import Tables
from ._base import Claim, Verdict, corrected
from ._parts import Part
from ._table import verdict_frame
from .no_trade_off import CLAIM as NO_TRADE_OFF
from .releasing import CLAIM as RELEASING
from .smoothness import CLAIM as SMOOTHNESS
from .tracking import CLAIM as TRACKING
from .two_latents import CLAIM as TWO_LATENTS
from .utilisation import CLAIM as UTILISATION

__all__ = ["CLAIMS", "Claim", "Part", "Verdict", "judge", "verdict_frame"]

CLAIMS: dict[int, Claim] = {
    claim.number: claim
    for claim in (TWO_LATENTS, SMOOTHNESS, UTILISATION, TRACKING, NO_TRADE_OFF, RELEASING)
}


def judge(tables: Tables) -> list[Verdict]:
    """Return the verdicts on all claims.

    Parameters
    ----------
    tables : Tables
        As `load_results` returns them.

    Returns
    -------
    list of Verdict
        By claim; of each claim first the headline, then those of further datasets, precisions and
        settings of training, which are never pooled. P values of headlines are Holm-corrected.

    Examples
    --------
    >>> from bench import load_results
    >>> judge(load_results("results/ball"))[0].verdict  # doctest: +SKIP
    'inconclusive'
    """
    return corrected([verdict for claim in CLAIMS.values() for verdict in claim.judge(tables)])
