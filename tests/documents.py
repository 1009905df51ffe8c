"""The examples of README.md and docs/*.md, as tests run them in a checkout."""

import re
import runpy
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def in_a_checkout(code):
    """Return code with the names that the packages have where nothing is installed."""
    return code.replace("from disbench.", "from ")


def examples(page, heading=None, language="python"):
    """Return the blocks of a page, or of one of its sections, that are in a language."""
    text = (ROOT / page).read_text("utf-8")
    if heading is not None:
        text = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [in_a_checkout(block) for found, block in _FENCE.findall(text) if found == language]


def run(*blocks, **names):
    """Run blocks one after another; each knows `names` and those of the blocks before it.

    Returns the names that are there at the end.
    """
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "example.py"
        for block in blocks:
            script.write_text(block, "utf-8")
            names = runpy.run_path(str(script), names)
    return names
