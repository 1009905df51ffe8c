"""What tests of several folders share."""

import importlib.util

import pytest


@pytest.fixture
def no_figures(monkeypatch):
    """Leave out what takes most of a start of a small grid, where nobody looks at it."""
    monkeypatch.setattr("bench.report.draw_all", lambda study: iter(()))


@pytest.fixture(scope="session")
def cluster():
    """Return a Ray cluster of a head and two other nodes, all on this machine."""
    if importlib.util.find_spec("ray") is None:
        pytest.skip("Ray is not installed: pip install 'disbench[ray]'")
    from tests.cluster import Cluster

    started = Cluster()
    try:
        started.add(2)
        yield started
    finally:
        started.stop()
