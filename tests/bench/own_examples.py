"""The examples of docs/own.md, and code that is not as it should be."""

import importlib
import re
import sys
from pathlib import Path

from tests.documents import in_a_checkout

DOCS = Path(__file__).parents[2] / "docs" / "own.md"
# File name to text: the five modules and the grid.
DOCUMENTED = dict(
    re.findall(r"`(\w+\.(?:py|yaml))`:\n\n```\w+\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
)
EXAMPLES = {name: in_a_checkout(text) for name, text in DOCUMENTED.items()}


def write_modules(folder, **texts):
    """Write modules, by default the examples, for `import` to find."""
    for name, text in (texts or {Path(k).stem: v for k, v in EXAMPLES.items()}).items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    importlib.invalidate_caches()


def forget():
    """Forget what was imported, as a new process does."""
    for name in [name for name in sys.modules if "@" in name or name.startswith("my_")]:
        del sys.modules[name]
