"""Every objective has a colour and a marker of its own, and those by own code have one."""

from bench.plots._base import COLOURS, MARKERS
from bench.training.objectives import OBJECTIVES


def test_every_objective_is_told_from_the_others():
    assert COLOURS.keys() == MARKERS.keys() == {*OBJECTIVES, "own"}
    for own in (COLOURS, MARKERS):
        assert len({*own.values()}) == len(own)
