"""Build the wheel of this checkout, and environments that have nothing of ours but a wheel."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(*command, cwd):
    """Run a command and return what it prints; it has to succeed."""
    answer = subprocess.run(
        list(map(str, command)), cwd=cwd, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def build_wheel(folder):
    """Build the wheel of the files that git knows, beside the log of its build."""
    source = folder / "source"
    for name in filter(None, run("git", "ls-files", "-z", cwd=ROOT).split("\0")):
        if (ROOT / name).is_file() and not name.startswith(("results/", "tests/")):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    # Without it setuptools would say that it compiles nothing.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    log = subprocess.run(
        [
            sys.executable, "-m", "pip", "wheel", "-v", "--no-deps", "--no-build-isolation",
            "--no-index", "--wheel-dir", str(folder), str(source),
        ],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert log.returncode == 0, log.stderr
    (folder / "build.log").write_text(log.stdout + log.stderr)
    (built,) = folder.glob("*.whl")
    return built


def fresh_environment(folder):
    """Make an environment that sees our dependencies; return its Python and its packages' folder.

    The dependencies are those of the environment that runs the tests. What is installed there by a
    path of its own, as this checkout may be, is not seen.
    """
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    (site,) = (folder / "lib").glob("python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return python, site


def install(python, wheel):
    """Install a wheel, and nothing else, into an environment."""
    options = ["--quiet", "--no-deps", "--no-index"]
    run(sys.executable, "-m", "pip", "--python", python, "install", *options, wheel, cwd=ROOT)
