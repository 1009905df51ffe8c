"""What contributors and their tools read agrees with what there is."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MINOR = "Programming Language :: Python :: 3."


def _yaml(name):
    return YAML(typ="safe").load((ROOT / name).read_text(encoding="utf-8"))


def test_the_lowest_versions_are_the_lower_bounds():
    lines = (ROOT / "constraints-lowest.txt").read_text(encoding="utf-8").splitlines()
    pinned = dict(line.split("==") for line in lines if "==" in line)
    bounds = dict(requirement.split(">=") for requirement in PROJECT["dependencies"])
    # Its older releases bring CUDA along.
    bounds.pop("torch")
    for name, lowest in bounds.items():
        version = [*map(int, pinned[name].split("."))]
        parts = [*map(int, lowest.split("."))]
        assert version == parts + [0] * (len(version) - len(parts)), name


def test_the_workflow_has_every_python_that_the_package_says_it_runs_on():
    matrix = _yaml(".github/workflows/tests.yml")["jobs"]["tests"]["strategy"]["matrix"]
    said = [one.removeprefix(MINOR) for one in PROJECT["classifiers"] if one.startswith(MINOR)]
    assert matrix["python"] == [f"3.{minor}" for minor in said]
    assert said[0] == PROJECT["requires-python"].removeprefix(">=3.")
    assert {system.split("-")[0] for system in matrix["os"]} == {"ubuntu", "macos"}


def test_the_citation_is_of_this_version():
    citation = _yaml("CITATION.cff")
    assert citation["version"] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]


def test_pre_commit_uses_the_tools_of_the_environment():
    (local,) = _yaml(".pre-commit-config.yaml")["repos"]
    assert local["repo"] == "local"
    assert [hook["id"] for hook in local["hooks"]] == ["ruff", "ruff-format", "mypy"]


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "SECURITY.md"])
def test_every_file_that_the_page_names_is_there(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    named = {name for name in re.findall(r"[`(]([\w./-]+/[\w./-]*)[`)]", text) if "<" not in name}
    assert len(named) > 0
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_windows_is_refused_with_the_reason():
    code = "import sys; sys.platform = 'win32'; import bench"
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 1
    assert "ImportError: bench does not run on Windows" in answer.stderr.splitlines()[-1]
