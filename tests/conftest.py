"""What tests of several folders share."""

import importlib.util
import shutil

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture
def no_figures(monkeypatch):
    """Leave out what takes most of a start of a small grid, where nobody looks at it."""
    monkeypatch.setattr("bench.report.draw_all", lambda study: iter(()))


@pytest.fixture(scope="module")
def browser():
    """Return headless Chromium; where there is none, its tests are skipped."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    if CHROMIUM is None:
        pytest.skip("needs chromium on the PATH")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield started
        started.close()


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


@pytest.fixture(scope="session")
def slurm():
    """Return a Slurm of two nodes, all on this machine."""
    from tests.slurm import Slurm, missing

    if lacks := missing():
        pytest.skip(
            f"{', '.join(lacks)} not found: apt-get install slurm-wlm slurmdbd munge mariadb-server"
        )
    started = Slurm()
    try:
        yield started
    finally:
        started.stop()
