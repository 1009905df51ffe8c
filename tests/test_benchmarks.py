"""The benchmarks are modules that can be imported, and each says how it is run."""

import importlib
from pathlib import Path

import pytest

NAMES = sorted(path.stem for path in (Path(__file__).parents[1] / "benchmarks").glob("[a-z]*.py"))


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_is_a_module_of_the_suite(name):
    if name in ("decoder", "page"):
        pytest.importorskip("playwright.sync_api")
    module = importlib.import_module(f"benchmarks.{name}")
    assert not hasattr(module, "main") or f"python -m benchmarks.{name}" in module.__doc__
