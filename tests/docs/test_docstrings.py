"""The examples in docstrings run and give what they show."""

import doctest
import importlib
import pkgutil

import numpy as np
import pytest

import bench
import datasets
import metrics

MODULES = [
    name
    for package in (bench, datasets, metrics)
    for name in (
        package.__name__,
        *(one.name for one in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")),
    )
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    module = importlib.import_module(name)
    # Examples of metrics take numpy and the package for granted.
    taken = {"np": np, **vars(metrics)} if name.startswith("metrics.") else {}
    assert (
        doctest.testmod(
            module, optionflags=doctest.ELLIPSIS, globs={**taken, **vars(module)}
        ).failed
        == 0
    )
