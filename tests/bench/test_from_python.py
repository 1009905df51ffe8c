"""A script of somebody's that calls run_grid: what it needs, and what it hears."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Nothing is guarded by `if __name__ == "__main__"`. What follows training would take seconds more.
SCRIPT = """
print("the script runs")
from bench import pipeline, run_grid

pipeline._score = pipeline._decode_shown = lambda *given: set()
pipeline.update_report = lambda *given, **options: None
ball = {"name": "ball", "image_size": 16, "shape": "disc", "radius": 3, "grid_size": 8}
summary = run_grid(
    {
        "name": "tiny",
        "datasets": [ball],
        "seeds": [0, 1],
        "models": [{"kind": "vae"}],
        "train": {"steps": 2, "batch_size": 8, "n_latents": 2},
        "metrics": ["kl_per_dimension"],
    },
    workers=2,
)
print(summary.trained, summary.report)
"""


@pytest.mark.slow
def test_a_script_without_a_guard_has_workers_and_hears_lines(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    answer = subprocess.run(
        [sys.executable, "script.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout == f"the script runs\n2 {Path('results', 'tiny', 'report.html')}\n"
    lines = answer.stderr.splitlines()
    assert lines[0] == "2 runs: 0 done, 2 to make"
    # The first may be kept back, as it is followed within two seconds.
    assert any(line.startswith("train 2/2: ball VAE seed ") for line in lines), lines
    assert not any("it/s" in line or "%|" in line for line in lines)
