"""Every public function has an example, and it runs."""

import doctest
import inspect

import numpy as np
import pytest

import metrics

PUBLIC = sorted(name for name in metrics.__all__ if inspect.isfunction(getattr(metrics, name)))


@pytest.mark.parametrize("name", PUBLIC)
def test_examples_run(name):
    function = getattr(metrics, name)
    names = {"np": np, **{public: getattr(metrics, public) for public in metrics.__all__}}
    (found,) = doctest.DocTestFinder(recurse=False).find(function, name, globs=names)
    assert found.examples, f"{name} has no example"
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    shown = []
    runner.run(found, out=shown.append)
    assert not shown, "".join(shown)
