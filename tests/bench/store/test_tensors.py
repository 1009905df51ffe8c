"""Weights are read without torch as torch reads them, and nothing but weights is."""

import io
import os
import pickle
import shutil
import zipfile

import numpy as np
import pytest
import torch

from bench.models.factor_channel import CHANNELS
from bench.models.vae import ARCHITECTURES, VAE
from bench.models.weights import halved
from bench.store.files import DamagedError
from bench.store.store import Store
from bench.store.tensors import read_tensors


def _saved(state):
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


MODELS = {
    **{name: (VAE, name) for name in ARCHITECTURES},
    **{f"channel {name}": (family, "burgess") for name, family in CHANNELS.items()},
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("channels", [1, 3])
def test_the_weights_of_every_model_are_those_that_torch_reads(name, channels):
    family, architecture = MODELS[name]
    state = family((channels, 32, 32), 5, architecture, [3, 4]).member_state(1)
    for content in (_saved(state), halved(_saved(state))):
        expected = torch.load(io.BytesIO(content), weights_only=True)
        found = read_tensors(content)
        assert list(found) == list(expected)
        for key, value in found.items():
            assert value.dtype == np.float32
            assert np.array_equal(value, expected[key].float().numpy())


def test_a_run_has_the_weights_that_were_committed(small_store, tmp_path):
    store = tmp_path / "store"
    shutil.copytree(small_store, store)
    runs = {run.spec.kind: run for run in Store(store).runs()}
    assert runs["baseline_pca"].weights() is None
    run = runs["vae"]
    path = run.folder / "model.pt"
    content = path.read_bytes()
    expected = torch.load(path, weights_only=True)
    assert {name: value.shape for name, value in run.weights().items()} == {
        name: tuple(value.shape) for name, value in expected.items()
    }
    path.write_bytes(content[:-1] + b"?")
    with pytest.raises(DamagedError, match="does not match its checksum"):
        run.weights()
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(DamagedError, match="not a regular file"):
        run.weights()
    path.unlink()
    assert run.weights() is None


class _Evil:
    def __reduce__(self):
        return (os.system, ("touch /tmp/was-here",))


def _archive(steps, numbers=b"", **options):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", **options) as archive:
        archive.writestr("archive/data.pkl", steps)
        archive.writestr("archive/data/0", numbers)
    return buffer.getvalue()


def _changed(before, after):
    """Return an archive of one tensor, its steps changed in a place."""
    with zipfile.ZipFile(io.BytesIO(_saved({"w": torch.zeros(2, 3)}))) as archive:
        steps = archive.read("archive/data.pkl")
    assert before in steps
    return _archive(steps.replace(before, after, 1), bytes(24))


def test_the_archive_of_one_tensor_is_read():
    assert read_tensors(_changed(b"w", b"v"))["v"].tolist() == [[0, 0, 0]] * 2


FOREIGN = {
    "nothing": b"",
    "text": b"not a zip",
    "empty archive": _archive(b""),
    "a step that calls": _archive(pickle.dumps(_Evil(), 2)),
    "another global": _changed(b"torch._utils\n_rebuild_tensor_v2", b"os\nsystem"),
    "a plain pickle": _archive(pickle.dumps({"w": [1.0, 2.0]}, 2)),
    "a newer pickle": _archive(pickle.dumps({"w": 1}, 4)),
    "no table": _archive(pickle.dumps("w", 2)),
    "no tensor": _archive(pickle.dumps({"w": 1}, 2)),
    "integers": _saved({"w": torch.zeros(2, dtype=torch.int64)}),
    "a table in a table": _saved({"w": {"v": torch.zeros(2)}}),
    "columns": _saved({"w": torch.zeros(2, 3).T}),
    "a gradient": _saved({"w": torch.zeros(2, 3, requires_grad=True)}),
    "other numbers": _changed(b"X\x01\x00\x00\x000", b"X\x01\x00\x00\x001"),
    "a name outside": _changed(b"X\x01\x00\x00\x000", b"X\x0b\x00\x00\x00../data.pkl"),
    "more numbers than there are": _changed(b"K\x06", b"K\x07"),
    "a larger shape": _changed(b"K\x02K\x03\x86", b"K\x03K\x03\x86"),
    "an offset": _changed(b"QK\x00", b"QK\x01"),
    "a negative shape": _changed(b"K\x02K\x03\x86", b"J\xff\xff\xff\xffK\x03\x86"),
    "cut steps": _archive(b"\x80\x02}"),
    "an empty stack": _archive(b"\x80\x02R."),
    "no mark": _archive(b"\x80\x02}u."),
    "what was never kept": _archive(b"\x80\x02h\x05."),
    "compressed": _archive(b"\x80\x02}.", bytes(1000), compression=zipfile.ZIP_DEFLATED),
    "a long list": _archive(b"\x80\x02" + b"N" * 2**20),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_anything_else_is_refused(name):
    with pytest.raises(ValueError, match="it is no archive of tensors"):
        read_tensors(FOREIGN[name])


def test_tensors_that_share_numbers_may_not_fill_the_memory():
    numbers = torch.zeros(1000)
    state = {str(i): numbers for i in range(1000)}
    with pytest.raises(ValueError, match="larger than it is"):
        read_tensors(_saved(state))


def test_no_flipped_byte_raises_anything_else():
    content = bytearray(_saved({"w": torch.zeros(2, 3), "b": torch.ones(3)}))
    drawn = np.random.default_rng(0)
    refused = 0
    for _ in range(2_000):
        changed = bytearray(content)
        changed[drawn.integers(len(content))] = drawn.integers(256)
        try:
            read_tensors(bytes(changed))
        except ValueError:
            refused += 1
    assert refused > 200
