"""The tests of the metrics notice the bugs in `mutations.py` and `mutations_of_predictors.py`."""

import importlib.util
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from metrics import METRICS

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def _loaded(name):
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


mutations = _loaded("mutations")
MUTATIONS = [*mutations.MUTATIONS, *_loaded("mutations_of_predictors").MUTATIONS]


def _test_of(file):
    return mutations.TESTS.get(file, f"test_{file.strip('_')}")


def _exit_code(folder, file, old, new):
    """Return the exit code of the file's tests on a changed copy of the metrics."""
    test = _test_of(file)
    shutil.copytree(ROOT / "metrics", folder / "metrics")
    shutil.copy(ROOT / "pyproject.toml", folder)
    shutil.copy(HERE / test, folder)
    (folder / "tests").mkdir()
    shutil.copy(HERE.parent / "random_states.py", folder / "tests")
    changed = folder / "metrics" / file
    source = changed.read_text(encoding="utf-8")
    if source.count(old) != 1:
        return f"the text is there {source.count(old)} times"
    changed.write_text(source.replace(old, new), encoding="utf-8")
    options = ["-x", "-q", "-m", "not slow", "-p", "no:cacheprovider", "-p", "no:xdist"]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "--rootdir", folder, test],
        cwd=folder,
        capture_output=True,
        check=False,
        timeout=250,
    )
    return run.returncode


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_has_its_bugs(name):
    file = METRICS[name].function.__module__.rpartition(".")[2]
    assert f"{file}.py" in {entry[0] for entry in MUTATIONS}


def test_every_bug_has_its_place_and_a_test_file():
    for file, old, new, bug in MUTATIONS:
        assert (ROOT / "metrics" / file).read_text(encoding="utf-8").count(old) == 1, bug
        assert old != new
        assert (HERE / _test_of(file)).exists(), file
    # None twice.
    assert len({entry[:3] for entry in MUTATIONS}) == len(MUTATIONS)


@pytest.mark.mutations
def test_an_unchanged_copy_passes(tmp_path):
    assert _exit_code(tmp_path, "dcimig.py", "assigned.max(0)", "assigned.max(0)") == 0


@pytest.mark.mutations
@pytest.mark.timeout(1_200)
def test_every_mutation_is_noticed(tmp_path):
    # All in one test, so that two run at a time however the tests are distributed.
    def outcome(entry):
        number, (file, old, new, bug) = entry
        folder = tmp_path / str(number)
        folder.mkdir()
        # 1 says that tests ran and failed; 0 that they passed; others that they did not run.
        code = _exit_code(folder, file, old, new)
        shutil.rmtree(folder)
        return None if code == 1 else f"{file}: {bug} ({code})"

    with ThreadPoolExecutor(2) as pool:
        missed = [line for line in pool.map(outcome, enumerate(MUTATIONS)) if line]
    assert not missed, "\n".join(missed)
