"""The wheel: one top level of our own, harmless beside others' `datasets`."""

import re
import sys
import zipfile
from pathlib import Path

import pytest

from tests.bench.wheels import fresh_environment, install, run

ROOT = Path(__file__).resolve().parents[2]
# One wheel for all tests of it: they go to one worker.
pytestmark = pytest.mark.xdist_group("wheel")


@pytest.mark.slow
def test_the_only_top_level_is_ours_and_every_module_is_in_it(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == {"disbench"}
    listed = run("git", "ls-files", "bench", "metrics", "datasets", cwd=ROOT).split()
    assert {f"disbench/{name}" for name in listed} <= {*names}


@pytest.mark.slow
def test_the_build_warns_of_nothing(wheel):
    log = wheel.with_name("build.log").read_text()
    assert "adding 'disbench/bench/page/templates/report.html'" in log
    assert not re.findall(r"^.*\b(?:warning|deprecat|absent).*$", log, re.IGNORECASE | re.MULTILINE)


@pytest.mark.slow
def test_others_datasets_survive_install_and_uninstall(wheel, tmp_path):
    python, site = fresh_environment(tmp_path / "venv")
    (site / "datasets").mkdir()
    (site / "datasets" / "__init__.py").write_text("OTHERS = True\n")
    install(python, wheel)
    both = (
        "import datasets, disbench.datasets, disbench.metrics, sys; assert datasets.OTHERS; "
        "assert disbench.datasets.load('ball').images([0]).shape == (1, 1, 64, 64); "
        "assert disbench.bench.load_grid and 'torch' not in sys.modules"
    )
    run(python, "-c", f"import disbench.bench; {both}", cwd=tmp_path)
    for command in ([python.with_name("disbench"), "run"], [python, "-m", "disbench.bench.run"]):
        assert "usage: disbench run " in run(*command, "--help", cwd=tmp_path)
    assert run(python.with_name("disbench"), "--version", cwd=tmp_path).startswith("disbench 0")
    run(
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "uninstall",
        "--yes",
        "disbench",
        cwd=tmp_path,
    )
    run(python, "-c", "import datasets; assert datasets.OTHERS", cwd=tmp_path)


def test_importing_the_packages_loads_no_torch():
    code = (
        "import sys, metrics, datasets, bench; "
        "print([name for name in ('torch', 'sklearn', 'scipy.stats') if name in sys.modules])"
    )
    assert run(sys.executable, "-c", code, cwd=ROOT).strip() == "[]"
