"""The wheel: one top level of our own, harmless beside others' `datasets`."""

import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _run(*command, cwd):
    answer = subprocess.run(
        list(map(str, command)), cwd=cwd, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    listed = _run("git", "ls-files", "-z", cwd=ROOT).split("\0")
    for name in filter(None, listed):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    _run(
        sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index",
        "--wheel-dir", folder, source, cwd=folder,
    )  # fmt: skip
    (built,) = folder.glob("*.whl")
    return built


@pytest.mark.slow
def test_the_only_top_level_is_ours_and_every_module_is_in_it(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == {"disbench"}
    listed = _run("git", "ls-files", "bench", "metrics", "datasets", cwd=ROOT).split()
    assert {f"disbench/{name}" for name in listed} <= {*names}


@pytest.mark.slow
def test_others_datasets_survive_install_and_uninstall(wheel, tmp_path):
    venv.create(tmp_path / "venv", with_pip=True, symlinks=True)
    python = tmp_path / "venv" / "bin" / "python"
    site = Path(
        _run(python, "-c", "import site; print(site.getsitepackages()[0])", cwd=tmp_path).strip()
    )
    # Our dependencies come from the environment that runs the tests.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    (site / "datasets").mkdir()
    (site / "datasets" / "__init__.py").write_text("OTHERS = True\n")
    _run(python, "-m", "pip", "install", "--no-deps", "--no-index", wheel, cwd=tmp_path)
    both = (
        "import datasets, disbench.datasets, disbench.metrics, sys; assert datasets.OTHERS; "
        "assert disbench.datasets.load('ball').images([0]).shape == (1, 1, 64, 64); "
        "assert disbench.bench.load_grid and 'torch' not in sys.modules"
    )
    _run(python, "-c", f"import disbench.bench; {both}", cwd=tmp_path)
    help_text = _run(site.parents[2] / "bin" / "disbench", "--help", cwd=tmp_path)
    assert "GRID" in help_text
    _run(python, "-m", "pip", "uninstall", "--yes", "disbench", cwd=tmp_path)
    _run(python, "-c", "import datasets; assert datasets.OTHERS", cwd=tmp_path)


def test_importing_the_packages_loads_no_torch():
    code = (
        "import sys, metrics, datasets, bench; "
        "print([name for name in ('torch', 'sklearn', 'scipy.stats') if name in sys.modules])"
    )
    assert _run(sys.executable, "-c", code, cwd=ROOT).strip() == "[]"
