"""Run the snippets of README.md and docs/*.md as somebody does who has installed disbench.

    python snippets.py CHECKOUT FOLDER > outcomes.json

Every fenced block is run as it is written, in the order of the documents, in one folder; those of a
document know the names that it has defined. Blocks of `text` are output, and nothing to run. What
is done to the others is said here, and nowhere else:

GIVEN
    What the text says that the reader has, as Python that is run before the snippet.
SMALLER
    Numbers that are replaced, so that a snippet takes seconds. `<run id>` becomes that of a run.
PARSED
    Shell snippets of which no command is run: `disbench` reads its options, `make` lists what it
    would do (`--dry-run`), and what belongs to a cluster does nothing.
COMPILED
    Python that is only compiled.
REFUSED
    Grids that name files which nobody has here, with the reason that they are refused for.

Parts of a grid are completed to a grid and loaded. No grid of a snippet is trained but the tiny
GRID, which lies in the folder as `grid.yaml`.
"""

from __future__ import annotations

import json
import os
import re
import runpy
import subprocess
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path

GRID = """
name: example
datasets: [{name: ball, image_size: 16, shape: disc, radius: 3, grid_size: 8}]
seeds: [0]
models: [{kind: vae}]
train: {steps: 2, batch_size: 8, n_latents: 2}
metrics: [mig]
"""
LIGHTNING = """
from types import SimpleNamespace
lightning = SimpleNamespace(Callback=object)
"""
CODES = """
import numpy as np
factors = np.stack(np.unravel_index(np.arange(0, 737280, 1801), (3, 6, 40, 32, 32)), 1)
means = np.c_[factors, factors[:, :1] ** 2] + 0.1 * np.random.default_rng(0).normal(size=(410, 6))
logvars = np.full_like(means, -4.0)
"""
FILES = """
np.savez("seed0.npz", means=means, logvars=logvars, factors=factors)
np.savez("seed1.npz", means=means, logvars=logvars, factors=factors)
"""
FOLDERS = """
import shutil
import numpy as np
from pathlib import Path
from disbench.bench import report, run_grid
report.draw_all = lambda study: iter(())  # looked at by others
if not Path("alice").exists():
    run_grid("grid.yaml", out="results/example")
    for person in ("alice", "bob"):
        shutil.copytree("results/example", f"{person}/quick")
images = np.zeros((3, 1, 16, 16), np.uint8)
"""
GIVEN = {
    "from disbench.metrics import dci, mig\n": CODES,
    "import numpy as np\n\nnp.savez(\n": CODES,
    "disbench score seed0.npz seed1.npz --name mymodel": CODES + FILES,
    "from disbench.bench import score": """
my_model = lambda images: (images.mean(axis=2)[:, 0, ::16], None)
""",
    "from disbench.bench import Evaluator\n\nevaluate": """
import torch
class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(64 * 64, 6)
    def encode(self, images):
        return self.linear(images.flatten(1)).chunk(2, 1)
model, batches, train_step, log = Model(), range(1_000), lambda batch: None, print
""",
    # With Lightning itself it is run by test_evaluator.
    "from disbench.bench import Evaluator\n\n\nclass Disentanglement": LIGHTNING,
    "class Disentanglement(lightning.Callback):": LIGHTNING,
    "from disbench.bench import load_results, load_run, run_grid": FOLDERS,
    "import torch\nfrom disbench.bench import load_results, load_run": FOLDERS,
    "disbench report alice/quick bob/quick ": FOLDERS,
    "from disbench.metrics import METRICS, dci, details, mig": """
import numpy as np
factors = np.indices((4, 5, 6)).reshape(3, -1).T
means = factors + 0.1
""",
    "datasets:\n  - {name: file, path: faces.npz, pad: 218, resize: 64}": """
import numpy as np
factors = np.stack(np.divmod(np.arange(100), 10), 1)
np.savez("faces.npz", images=np.zeros((100, 218, 178), np.uint8), factors=factors)
""",
    "source .venv/bin/activate\n": """
from pathlib import Path
Path(".venv/bin").mkdir(parents=True)
Path(".venv/bin/activate").touch()
""",
    "metrics:\n  - sap_score\n": """
from pathlib import Path
Path("package").mkdir()
Path("package/module.py").write_text("def function(means, factors):\\n    return 0.0\\n")
""",
}
SMALLER = {
    "evaluation=10_000": "evaluation=300",
    "images=10_000": "images=300",
    "steps: 500, ": "steps: 2, ",
    "positions: int = 8, side: int = 32": "positions: int = 4, side: int = 16",
}
PARSED = (
    "make quick",
    "source .venv/bin/activate\n",
    "ls results/first/tables",
    "disbench run example.yaml",
    "pip install 'disbench[ray]' ",
    "#!/bin/bash\n#SBATCH --nodes=4",
)
# What needs packages that only the environment of `make integration` has: it runs them too.
COMPILED = tuple(
    f"from disbench.bench import run_grid\nfrom disbench.bench.trackers import {name}\n"
    for name in ("TensorBoard", "WeightsAndBiases", "MLflow")
)
REFUSED = {"datasets:\n  - shapes3d ": r"shapes3d.*3dshapes\.h5"}
COMPLETE = {
    "name": "name: part",
    "datasets": "datasets: [dsprites]",
    "seeds": "seeds: [0]",
    "models": "models: [{kind: vae}]",
}
# What stands for the commands of PARSED.
STAND_INS = {
    "make": 'exec {make} --dry-run -C {checkout} "$@"',
    "ls": "exit 0",
    "pip": "exit 0",
    "ray": "exit 0",
    "scontrol": "echo node1",
    "srun": 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"',
    "disbench": (
        "exec {python} -c 'import importlib, sys; name, *rest = sys.argv[1:]; "
        'importlib.import_module("disbench.bench.options." + name).parser().parse_args(rest)\' "$@"'
    ),
}
BLOCK = re.compile(
    r"^(?:`(?P<file>[\w.]+)`:\n\n)?```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Snippet:
    """A fenced block of a document."""

    document: str
    line: int
    language: str
    text: str
    # Of one below the name of a file and a colon: it is that file, too.
    file: str = ""

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


def snippets(checkout: Path) -> list[Snippet]:
    """Return every fenced block of README.md and docs/*.md."""
    found = []
    for path in (checkout / "README.md", *sorted((checkout / "docs").glob("*.md"))):
        text = path.read_text(encoding="utf-8")
        document = str(path.relative_to(checkout))
        for block in BLOCK.finditer(text):
            line = text[: block.start("text")].count("\n") + 1
            found.append(
                Snippet(document, line, block["language"], block["text"], block["file"] or "")
            )
    return found


def named(snippet: Snippet, table):
    """Return the entry of a table whose key the snippet begins with."""
    return next((key for key in table if snippet.text.startswith(key)), None)


def run(snippet: Snippet, names: dict, checkout: Path) -> None:
    """Run a snippet in the current folder, with the names that its document has defined so far."""
    if (key := named(snippet, GIVEN)) is not None:
        _execute(GIVEN[key], names)
    text = snippet.text
    for large, small in SMALLER.items():
        text = text.replace(large, small)
    if snippet.file:
        Path(snippet.file).write_text(text)
    if "<run id>" in text:
        text = text.replace("<run id>", next(Path("results/example/runs").iterdir()).name)
    if named(snippet, COMPILED) is not None:
        compile(text, snippet.document, "exec")
    elif snippet.language == "python":
        # Blank lines above, so that a traceback has the line of the document.
        _execute("\n" * (snippet.line - 1) + text, names)
    elif snippet.language == "sh":
        _run_shell(text, stand_ins=named(snippet, PARSED) is not None, checkout=checkout)
    elif snippet.language == "yaml":
        _load_grid(text, named(snippet, REFUSED))
    elif snippet.language != "text":
        raise ValueError(f"a fence says python, sh, yaml or text, not {snippet.language!r}")


def _execute(text: str, names: dict) -> None:
    Path("snippet.py").write_text(text)
    names |= runpy.run_path("snippet.py", names, run_name="__main__")


def _run_shell(text: str, *, stand_ins: bool, checkout: Path) -> None:
    places = [Path(sys.executable).parent]
    if stand_ins:
        places.insert(0, Path("stand-ins").absolute())
        places[0].mkdir(exist_ok=True)
        make = subprocess.run(["which", "make"], capture_output=True, text=True).stdout.strip()
        for name, script in STAND_INS.items():
            for place, value in {
                "{make}": make, "{checkout}": checkout, "{python}": sys.executable
            }.items():  # fmt: skip
                script = script.replace(place, str(value))
            (places[0] / name).write_text(f"#!/bin/bash\n{script}\n")
            (places[0] / name).chmod(0o755)
    path = os.pathsep.join([*map(str, places), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "SLURM_NNODES": "4", "SLURM_CPUS_PER_TASK": "32"}
    environment |= {"SLURM_JOB_NODELIST": "node[1-4]", "SCRATCH": str(Path.cwd())}
    answer = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text], env=environment, capture_output=True, text=True
    )
    if answer.returncode:
        raise RuntimeError(answer.stderr)


def _load_grid(text: str, refused: str | None) -> None:
    from disbench.bench import load_grid
    from disbench.bench.grid import expand

    there = re.findall(r"^(\w+):", text, re.MULTILINE)
    rest = [line for key, line in COMPLETE.items() if key not in there]
    Path("part.yaml").write_text("\n".join([text, *rest]))
    try:
        expand(load_grid("part.yaml", allow_imports=True), allow_imports=True)
    except ValueError as error:
        if refused is None or not re.search(REFUSED[refused], str(error)):
            raise
    else:
        if refused is not None:
            raise AssertionError("a grid that was to be refused was not")


def main(checkout: Path, folder: Path) -> None:
    """Run all snippets and print what became of each: an error, or nothing."""
    os.chdir(folder)
    sys.path.insert(0, "")
    Path("grid.yaml").write_text(GRID)
    outcomes, answer = {}, sys.stdout
    sys.stdout = sys.stderr
    names: dict = {}
    document = ""
    for snippet in snippets(checkout):
        if snippet.document != document:
            names, document = {"__name__": "__main__"}, snippet.document
        try:
            run(snippet, names, checkout)
            outcomes[str(snippet)] = None
        except BaseException:
            outcomes[str(snippet)] = traceback.format_exc()
    json.dump(outcomes, answer)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
