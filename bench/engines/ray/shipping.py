"""Choose what is sent to a cluster's nodes: a checkout's code and nothing else in its folder.

Ray packs a folder, sends it to the head node and refuses more than 512 MiB. A checkout has results,
data and environments of any size in it, so these are left out by name, by mark or by size.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..base import EngineError
from ..machines import variables

# Code is in small files; what is larger is data.
FILE_BYTES = 1_000_000
TOTAL_BYTES = 50_000_000
_LEFT_OUT = {"results", "docs", "build", "dist", "node_modules", "__pycache__"}
# Ray sets it in drivers that `ray job submit` started: their code is on the nodes already.
_JOB_VARIABLE = "RAY_JOB_CONFIG_JSON_ENV_VAR"


def checkout() -> Path | None:
    """Return the checkout that this code runs from; None where it is installed."""
    namespace = (__package__ or "").removesuffix("bench.engines.ray")
    return None if namespace else Path(__file__).resolve().parents[3]


def runtime_environment(root: Path | None) -> dict[str, Any]:
    """Return what Ray shall set up for the workers of this driver.

    Parameters
    ----------
    root : Path or None
        The checkout to send; None sends nothing.

    Raises
    ------
    EngineError
        If the checkout is too large to be sent.
    """
    given = variables()
    environment: dict[str, Any] = {"env_vars": given} if given else {}
    if root is not None and '"working_dir"' not in os.environ.get(_JOB_VARIABLE, ""):
        environment |= {"working_dir": str(root), "excludes": left_out(root)}
    return environment


def left_out(root: Path) -> list[str]:
    """Return patterns, as in a .gitignore, of what a checkout has that no node needs.

    Raises
    ------
    EngineError
        If the rest is still too large.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("bench", "results", ".venv"):
    ...         (Path(folder) / name).mkdir()
    ...     left_out(Path(folder))
    ['/.venv/', '/results/']
    """
    patterns, sizes = [], dict[str, int]()
    for path, size in _walk(root):
        relative = path.relative_to(root)
        if size is None:
            ending = "/" if path.is_dir() and not path.is_symlink() else ""
            patterns.append(f"/{_escaped(relative.as_posix())}{ending}")
        else:
            sizes[relative.parts[0]] = sizes.get(relative.parts[0], 0) + size
    if sum(sizes.values()) > TOTAL_BYTES:
        largest = max(sizes, key=lambda name: sizes[name])
        raise EngineError(
            f"{root}: its code would be sent to the nodes, but {sum(sizes.values()) / 1e6:.0f} MB "
            f"of small files are more than code has; most are in {root / largest}: move it out of "
            f"the checkout, or begin its name with a dot"
        )
    return sorted(patterns)


def _walk(root: Path) -> Iterator[tuple[Path, int | None]]:
    """Yield every file with its size, and None for files and folders that are left out."""
    for folder, folders, files in os.walk(root):
        for name in sorted(folders):
            path = Path(folder) / name
            if (
                name.startswith(".")
                or name in _LEFT_OUT
                or name.endswith(".egg-info")
                or path.is_symlink()
                or (path / "pyvenv.cfg").exists()
                or (path / "store.json").exists()
            ):
                folders.remove(name)
                yield path, None
        for name in files:
            path = Path(folder) / name
            size = path.lstat().st_size
            kept = not name.startswith(".") and not path.is_symlink() and size <= FILE_BYTES
            yield path, size if kept else None


def _escaped(path: str) -> str:
    return re.sub(r"([\\*?\[\]!# ])", r"\\\1", path)
