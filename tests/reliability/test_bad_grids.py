"""Grids that cannot be run: each is refused with file, path and reason, before anything is loaded.

The first line of every file in `bad_grids/` says what is expected of it.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench.errors import GridWarning
from bench.grid.expand import expand
from bench.grid.load import parse_grid

ROOT = Path(__file__).resolve().parents[2]
GRIDS = Path(__file__).parent / "bad_grids"
NAMES = sorted(path.name for path in GRIDS.iterdir())
EXPECTED = re.compile(r"# exit (\d+); path: (.*?); says: (.+)")
# No bad grid may cost the time that loading these takes.
HEAVY = ("torch", "sklearn", "scipy.stats")
# A hang limit, far above what anything here takes.
HANG = 120
# Runs in a process of its own, as a user's start would: what is loaded in the end was loaded here.
SCRIPT = """
import contextlib, io, json, sys
from bench.run import main
answers = {}
for path in sys.argv[1:]:
    with contextlib.redirect_stderr(io.StringIO()) as error:
        code = main([path])
    answers[path] = (code, error.getvalue())
print(json.dumps({"answers": answers, "modules": sorted(sys.modules)}))
"""


def _refused(paths, folder):
    """Return path to (exit code, message) of each, and the modules that were loaded in the end."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *map(str, paths)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=HANG,
        check=True,
    )
    answer = json.loads(done.stdout)
    return answer["answers"], answer["modules"]


@pytest.fixture(scope="module")
def refused(tmp_path_factory):
    folder = tmp_path_factory.mktemp("refused")
    answers, modules = _refused([GRIDS / name for name in NAMES], folder)
    assert list(folder.iterdir()) == []
    return {Path(path).name: answer for path, answer in answers.items()}, modules


@pytest.mark.parametrize("name", NAMES)
def test_a_bad_grid_is_refused_where_it_is_bad(refused, name):
    first = (GRIDS / name).read_bytes().partition(b"\n")[0].decode()
    code, path, says = EXPECTED.fullmatch(first).groups()
    answer = refused[0][name]
    assert answer[0] == int(code)
    message = answer[1]
    assert message.startswith(f"error: {GRIDS / name}: {path}{': ' if path else ''}")
    assert says in message
    assert message.count("\n") == 1
    # One line that a terminal can show, even of a grid that stands for gigabytes.
    assert message[:-1].isprintable()
    assert len(message) < 1000


def test_there_are_forty_bad_grids_at_least():
    assert len(NAMES) >= 40


def test_refusing_loads_nothing_heavy(refused):
    loaded = {name for name in HEAVY if name in refused[1]}
    assert loaded == set()


def test_what_is_no_file_is_refused_too(tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    empty, large, pipe = tmp_path / "empty.yaml", tmp_path / "large.yaml", tmp_path / "pipe.yaml"
    empty.write_bytes(b"")
    large.write_text("name: large\nseeds: [" + "0, " * 200_000 + "0]\n")
    os.mkfifo(pipe)
    paths = {
        tmp_path / "missing.yaml": "cannot be read: No such file",
        tmp_path: "is not a file",
        Path("/dev/zero"): "is not a file",
        pipe: "is not a file",
        empty: "must be a mapping",
        large: "more than 250,000 bytes",
    }
    answers, _ = _refused(paths, work)
    for path, says in paths.items():
        code, message = answers[str(path)]
        assert code == 2
        assert message.startswith(f"error: {path}: ")
        assert says in message
    assert list(work.iterdir()) == []


def test_the_command_line_refuses_with_exit_code_2(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "bench.run", str(GRIDS / "nan_beta.yaml")],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=HANG,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert "nan_beta.yaml: models.1.beta: " in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_seed_that_is_named_twice_runs_once_and_is_said():
    grid = {"name": "g", "datasets": ["ball"], "seeds": [3, 3], "models": [{"kind": "vae"}]}
    with pytest.warns(GridWarning, match="1 run equals another after normalisation and is merged"):
        parsed = parse_grid(grid)
    with pytest.warns(GridWarning):
        assert [spec.seed for spec in expand(parsed)] == [3]
