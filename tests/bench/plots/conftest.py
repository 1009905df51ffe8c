"""What the tests of figures share."""

import pytest

from bench.analysis.study import load_study
from bench.store.store import Store


@pytest.fixture(scope="module")
def study(small_store):
    return load_study(Store(small_store))
