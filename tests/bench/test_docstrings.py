"""The examples in docstrings run and give what they show."""

import doctest
import importlib
import pkgutil

import pytest

import bench

MODULES = [
    name
    for _, name, is_package in pkgutil.walk_packages(bench.__path__, "bench.")
    if not is_package
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    module = importlib.import_module(name)
    assert doctest.testmod(module, optionflags=doctest.ELLIPSIS).failed == 0
