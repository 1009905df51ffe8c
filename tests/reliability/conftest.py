"""The stores that the tests of this folder damage copies of."""

import pytest
import torch

from tests.reliability import tiny

# Tests run side by side: more threads a test than cores in all would only wait for one another.
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny_store(tmp_path_factory):
    """Return a store with a file of every kind; tests read it and change nothing in it."""
    folder = tmp_path_factory.mktemp("tiny") / "store"
    tiny.make(folder)
    return folder
