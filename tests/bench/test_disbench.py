"""`disbench COMMAND`: what it passes on, and what it answers before anything heavy is imported."""

import subprocess
import sys
import tomllib
from importlib import import_module, metadata
from pathlib import Path

import pytest

from bench.commands import COMMANDS, main

ROOT = Path(__file__).resolve().parents[2]
# What takes most of a second, together or alone.
HEAVY = ("torch", "pandas", "matplotlib", "sklearn", "scipy.stats", "scipy.optimize", "ray")
HELP = f"""
import sys
from bench.commands import COMMANDS, main

for arguments in [["--help"], ["--version"], [], *([name, "--help"] for name in COMMANDS)]:
    try:
        main(arguments)
    except SystemExit as end:
        assert end.code == 0, arguments
    print("loaded:", [name for name in {HEAVY!r} if name in sys.modules])
"""


def test_help_and_version_load_nothing_heavy():
    answer = subprocess.run(
        [sys.executable, "-c", HELP], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = [line for line in answer.stdout.splitlines() if line.startswith("loaded:")]
    assert loaded == ["loaded: []"] * (3 + len(COMMANDS))
    assert all(f"usage: disbench {name} " in answer.stdout for name in COMMANDS)


def test_the_version_is_that_of_the_distribution(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    installed = metadata.version("disbench")
    assert capsys.readouterr().out == f"disbench {installed}\n"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == installed
    assert project["scripts"] == {"disbench": "disbench.bench.commands:main"}


def test_a_checkout_that_is_not_installed_has_no_version(capsys, monkeypatch):
    def version(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr("bench.commands.metadata.version", version)
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == "disbench (a checkout that is not installed)\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_given_what_follows_its_name(name, monkeypatch):
    module = "datasets.__main__" if name == "datasets" else f"bench.{name}"
    given = []

    def work(arguments, **options):
        given.append((arguments, options))
        return 7

    monkeypatch.setattr(import_module(module), "main", work)
    arguments = ["--name", "a", "b"] if name == "score" else ["a", "b"]
    arguments = ["a", "--dry-run"] if name == "run" else arguments
    assert main([name, *arguments]) == 7
    called = {"prog": "disbench datasets"} if name == "datasets" else {}
    assert given == [(arguments, called)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["grid.yaml"], "disbench: error: argument COMMAND: invalid choice: 'grid.yaml'"),
        (["run"], "disbench run: error: the following arguments are required: GRID"),
        (["datasets", "sheet"], "disbench datasets sheet: error: the following arguments are"),
    ],
)
def test_a_mistake_is_answered_with_the_usage(arguments, said, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert said in capsys.readouterr().err


def test_a_command_answers_as_it_does_by_itself(tmp_path, capsys):
    assert main(["report", str(tmp_path)]) == import_module("bench.report").main([str(tmp_path)])
    first, second = capsys.readouterr().err.splitlines()
    assert first == second
    assert "is not an output folder" in first
