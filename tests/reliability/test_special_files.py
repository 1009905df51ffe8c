"""What is no file, or has no end, in the place of any file: nobody waits for it or is filled by it.

Nor is anything written or removed through a link, whatever name of a writer's it has taken.
"""

import io
import itertools
import os
import shutil
import socket
import zipfile

import h5py
import numpy as np
import pytest
import torch

from bench import load_run, share
from bench.pipeline import run_grid
from bench.store import files
from bench.store.files import (
    MAX_BYTES,
    MAX_TEXT,
    DamagedError,
    WriteError,
    clear,
    dump_json,
    read_json,
)
from bench.store.frames import read_frames
from bench.store.hdf5 import find_array
from bench.store.store import Store, StoreError
from bench.store.stored_run import read_run
from tests.reliability.test_hostile import _model_run, _replace, _tables
from tests.reliability.tiny import GRID, NOTICED, everything, kinds

# A reader that hangs fails soon.
pytestmark = pytest.mark.timeout(60)


def _socket(path):
    # The name of a socket may have a hundred letters only.
    here = os.open(path.parent, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(f"/proc/self/fd/{here}/{path.name}")
    os.close(here)


def _too_large(path):
    with path.open("wb") as file:
        # Zeros that take no room on the disk.
        file.truncate(1 + (MAX_TEXT if path.suffix in (".json", ".csv") else MAX_BYTES))


IN_PLACE = {
    "pipe": os.mkfifo,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "folder": lambda path: path.mkdir(),
    "socket": _socket,
    "too large": _too_large,
}


NO_END = ("pipe", "device", "socket")


@pytest.fixture
def folder(tiny_store, tmp_path):
    return shutil.copytree(tiny_store, tmp_path / "store")


@pytest.mark.parametrize("what", IN_PLACE)
def test_nobody_waits_for_what_is_no_file(folder, what):
    whole = everything(folder)
    for kind, paths in kinds(folder).items():
        path = paths[0]
        aside = folder.parent / "aside"
        path.rename(aside)
        IN_PLACE[what](path)
        found = everything(folder)
        assert found != whole, kind
        assert all(value in (NOTICED, whole.get(key)) for key, value in found.items())
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        aside.rename(path)
    assert everything(folder) == whole


@pytest.mark.parametrize(
    ("name", "what"),
    [
        *((name, "folder") for name in (".lock", "store.json")),
        *itertools.product((".lock", "store.json", "runs", "scores/groups"), NO_END),
    ],
)
def test_a_folder_with_what_is_no_file_of_its_own_is_not_used(folder, name, what):
    path = folder / name
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    IN_PLACE[what](path)
    with (
        pytest.raises((StoreError, WriteError), match=rf"{name}: ") as refused,
        Store(folder, create=True).lock(),
    ):
        pass
    assert str(refused.value).isprintable()


def test_what_is_no_file_or_a_link_is_replaced_and_never_followed(folder, tmp_path):
    """A pipe or a link of every name that a start, a report or a copy reads, writes or removes."""
    precious = tmp_path / "precious"
    names = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    for name in names:
        (precious / name).parent.mkdir(parents=True, exist_ok=True)
        (precious / name).write_text(f"{name} is somebody's")
    other = Store(tmp_path / "other", create=True).folder
    (other / "runs").mkdir()
    (other / "runs" / "mine").write_text("mine")

    def untouched():
        found = {path.name for path in other.rglob("*")}
        return found == {"store.json", "runs", "mine"} and all(
            (precious / name).read_text() == f"{name} is somebody's" for name in names
        )

    tables = _tables(folder)
    for place, name in enumerate(names):
        if name.name == "store.json":
            continue
        (folder / name).unlink()
        # Links at the top and in `scores/` are refused; a hard link looks like a file.
        refused = len(name.parts) == 1 or (name.parts[0] == "scores" and len(name.parts) == 2)
        if refused or place % 3 == 0:
            os.link(precious / name, folder / name)
        elif place % 3 == 1:
            (folder / name).symlink_to(precious / name)
        else:
            os.mkfifo(folder / name)
    (folder / ".staging").mkdir(exist_ok=True)
    for planted in (
        ".staging/left",
        "figures/old.svg",
        "tables/old.tex",
        f"checkpoints/{sorted((folder / 'runs').iterdir())[0].name}-0.ckpt",
        f"scores/groups/.a.1.{'0' * 8}",
    ):
        (folder / planted).symlink_to(precious / "grid.json")
    summary = run_grid(GRID, out=folder)
    assert (summary.trained, summary.failed) == (2, 0)
    assert untouched()
    # Only of a failure is there no other record.
    assert _tables(folder) | {"failures.csv": b""} == tables | {"failures.csv": b""}
    (tmp_path / ".copy.unfinished").symlink_to(other)
    with pytest.raises(StoreError, match=r"copy.unfinished: is a link"):
        share.share(folder, tmp_path / "copy")
    with pytest.raises(WriteError, match=r"copy.unfinished: cannot be written"):
        clear(tmp_path / ".copy.unfinished", lambda name: True)
    assert untouched()


def test_a_copy_is_made_where_its_path_leads(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(share, "build", lambda store, **_: None)
    (tmp_path / "inside").symlink_to(folder / "figures")
    (tmp_path / "nowhere").symlink_to(tmp_path / "later")
    inside = "is inside of an output folder"
    for target, reason in (
        (tmp_path / "inside" / "copy", inside),
        (tmp_path / "new" / ".." / "store" / "copy", inside),
        (folder / "runs" / ".." / "copy", inside),
        (tmp_path / "nowhere", "is there already"),
        (tmp_path / "new" / "..", "is there already"),
        (folder / "..", "is there already"),
        (folder, "is there already"),
        (tmp_path / "a\0b", "must be a path"),
        (tmp_path / ("x" * 300), "cannot be used as output"),
    ):
        with pytest.raises(StoreError, match=reason) as refused:
            share.share(folder, target)
        assert str(refused.value).isprintable()
    assert {path.name for path in tmp_path.iterdir()} == {"store", "inside", "nowhere"}
    # And through a link to a place of one's own, to that place.
    (tmp_path / "place").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "place")
    share.share(folder, tmp_path / "link" / "copy")
    assert [path.name for path in (tmp_path / "place").iterdir()] == ["copy"]


def _never_written(shape, dtype):
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", userblock_size=512) as file:
        for name in ("indices", "means", "images", "kl"):
            file.create_dataset(name, shape, dtype, chunks=True, compression="gzip")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((10**9, 10**6), "f4"), ((2**20, 2**20), "i8"), ((4000,), "S1000000"), ((32, 10**5), "f4")],
)
def test_an_array_that_its_file_cannot_hold_is_not_read(folder, shape, dtype):
    content = _never_written(shape, dtype)
    with h5py.File(io.BytesIO(content)) as file, pytest.raises(ValueError, match="would take"):
        find_array(file, "means")
    run = _replace(_model_run(folder), "latents.h5", content)
    with pytest.raises(DamagedError, match=r"latents.h5: has no codes that can be read: .*bytes"):
        run.latents()
    frames = folder / "frames" / "evil.h5"
    frames.write_bytes(content)
    assert read_frames(frames) is None


def test_codes_are_of_the_form_that_their_manifest_says(folder):
    run = _model_run(folder)
    arrays = vars(run.latents())
    for change in (
        {"means": arrays["means"].astype(np.float64)},
        {"means": arrays["means"][:, :1]},
        {"means": arrays["means"][:, 0]},
        {"means": np.array(["a"] * 32, object)},
        {"logvars": arrays["logvars"][:5]},
        {"indices": arrays["indices"].astype(np.float32)},
        {"factors": np.zeros((32, 9), np.int64)},
    ):
        buffer = io.BytesIO()
        with h5py.File(buffer, "w") as file:
            for name, values in (arrays | change).items():
                if values is not None:
                    file[name] = values
        changed = _replace(run, "latents.h5", buffer.getvalue())
        with pytest.raises(DamagedError, match=r"latents.h5: has no codes that can be read: '"):
            changed.latents()


@pytest.mark.parametrize(
    "text",
    [
        "step,loss\n1,2\n",
        "step,loss,reconstruction,kl,beta,kl_0,kl_1\n",
        "step,loss,reconstruction,kl,beta,kl_0,kl_1\n2,1,1,1,1,1,1\n1,1,1,1,1,1,1\n",
        "step,loss,reconstruction,kl,beta,kl_0,kl_1\n1,1,1,1,1,1,1\nnan,1,1,1,1,1,1\n",
        "step,loss,reconstruction,kl,beta,kl_0,kl_1\n1,1,1,1,1,1,a\n",
        "run_id,loss,reconstruction,kl,beta,kl_0,kl_1\n1,1,1,1,1,1,1\n",
        "step,loss,reconstruction,kl,beta,kl_0,kl_1,kl_2\n1,1,1,1,1,1,1,1\n",
    ],
)
def test_curves_are_of_the_form_that_their_manifest_says(folder, text):
    run = _replace(_model_run(folder), "history.csv", text.encode())
    with pytest.raises(DamagedError, match=r"history.csv: has no curves that can be read"):
        run.history()


def test_weights_take_no_more_memory_than_their_file_has(folder):
    run = _model_run(folder)
    true = torch.load(io.BytesIO(run.content("model.pt")), weights_only=True)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("archive/data/0", bytes(10**7))
    # A number that is repeated over the shape of any model that a manifest speaks of.
    expanded = io.BytesIO()
    torch.save({name: torch.zeros(1).expand(value.shape) for name, value in true.items()}, expanded)
    for content in (buffer.getvalue(), expanded.getvalue()):
        changed = _replace(run, "model.pt", content)
        with pytest.raises(DamagedError, match=r"model.pt: holds no weights of this model"):
            load_run(changed.folder)
    run = _replace(run, "model.pt", buffer.getvalue())
    manifest = read_json(run.folder / "manifest.json")
    manifest["dataset"]["image_shape"] = [1, 4096, 4096]
    torch.save(true, buffer := io.BytesIO())
    (run.folder / "manifest.json").write_text(dump_json(manifest))
    changed = _replace(read_run(run.folder), "model.pt", buffer.getvalue())
    with pytest.raises(DamagedError, match=r"model.pt: holds no weights of this model"):
        load_run(changed.folder)


def test_what_is_written_is_not_longer_than_what_is_read(monkeypatch, tmp_path):
    monkeypatch.setattr(files, "MAX_TEXT", 1000)
    with pytest.raises(ValueError, match=r"bytes of JSON are more than 1,000"):
        dump_json({"a": "x" * 1000})
    (tmp_path / "a.json").write_text(dump_json({"a": "x" * 800}))
    assert read_json(tmp_path / "a.json") == {"a": "x" * 800}
