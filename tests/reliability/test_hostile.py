"""Files that anybody made: nothing in them is executed, nothing is written outside the folder.

Every payload would make a marker file if it were executed, and whatever lies outside of the output
folder is compared before and after.
"""

import hashlib
import os
import pickle
import shutil
import zipfile
from xml.etree import ElementTree

import h5py
import numpy as np
import pandas as pd
import pytest
import torch

import datasets
from bench import load_run
from bench.errors import GridError
from bench.grid.load import parse_grid
from bench.grid.packs import Pack
from bench.pipeline import run_grid
from bench.report import main as report
from bench.store.files import DamagedError, dump_json, read_json, sha256
from bench.store.frames import read_frames
from bench.store.store import Store, StoreError
from bench.store.stored_run import read_run
from bench.training import execute
from bench.training.checkpoints import checkpoint_name
from tests.reliability.tiny import GRID

# What a name could do to a path, a shell, a spreadsheet, a page, a formula setter or a terminal.
HOSTILE = [
    "../../../etc/passwd",
    "/etc/passwd",
    "..",
    ".",
    "a/b",
    "a\\b",
    "~/.bashrc",
    "-rf",
    "$(touch marker)",
    "`touch marker`",
    "; touch marker",
    "| touch marker",
    "a\nb",
    "a\x00b",
    "\x1b[2J",
    "\u202etxt.exe",
    "%s%n",
    "{0.__class__}",
    "{{ 7 * 7 }}",
    "{% include '/etc/passwd' %}",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style><script>alert(1)</script>",
    "javascript:alert(1)",
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1:A9)",
    "$\\frac{1}{",
    "\t=cmd|' /C calc'!A0",
    "x" * 5_000,
    "",
]


class Payload:
    """Unpickled, it makes a marker."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


@pytest.fixture
def world(tmp_path):
    """Return a folder with a store's place, things of value beside it, and a marker's place."""
    outside = tmp_path / "outside"
    (outside / "folder").mkdir(parents=True)
    for name in ("precious.txt", "folder/keep.svg", "folder/keep.h5", "folder/keep.json"):
        (outside / name).write_text(f"{name} is somebody's")
    yield tmp_path
    found = {str(path.relative_to(outside)) for path in outside.rglob("*") if path.is_file()}
    assert found == {"precious.txt", "folder/keep.svg", "folder/keep.h5", "folder/keep.json"}
    assert all((outside / name).read_text() == f"{name} is somebody's" for name in found)
    assert not list(tmp_path.rglob("marker*"))


@pytest.fixture
def folder(tiny_store, world):
    shutil.copytree(tiny_store, world / "store")
    return world / "store"


def _tables(folder):
    return {path.name: path.read_bytes() for path in (folder / "tables").iterdir()}


def _model_run(folder):
    return read_run(sorted((folder / "runs").iterdir())[0])


def _replace(run, name, content):
    """Put a file into a run with a manifest that vouches for it: checksums are no signatures."""
    (run.folder / name).write_bytes(content)
    entry = {"sha256": sha256(run.folder / name), "bytes": len(content)}
    manifest = read_json(run.folder / "manifest.json")
    manifest["files"][name] = entry
    (run.folder / "manifest.json").write_text(dump_json(manifest))
    return read_run(run.folder)


def test_the_payload_works(tmp_path):
    pickle.loads(pickle.dumps(Payload(tmp_path / "marker")))
    assert (tmp_path / "marker").exists()


def test_weights_are_not_unpickled(folder, world, tmp_path):
    torch.save({"encoder": Payload(world / "marker")}, tmp_path / "evil.pt")
    for content in (
        (tmp_path / "evil.pt").read_bytes(),
        pickle.dumps(Payload(world / "marker"), 2),
        b"",
    ):
        run = _replace(_model_run(folder), "model.pt", content)
        with pytest.raises(DamagedError, match=r"model.pt: holds no weights of this model") as said:
            load_run(run.folder)
        assert "\n" not in str(said.value)
        assert "weights_only" not in str(said.value)


def test_a_checkpoint_is_not_unpickled(folder, world, tmp_path, caplog):
    run = _model_run(folder)
    pack = Pack((run.spec,))
    data = datasets.load(run.spec.dataset.name, **run.spec.dataset.options)
    name = checkpoint_name(pack, execute.versions(), data.fingerprint)
    torch.save({"step": Payload(world / "marker")}, tmp_path / "evil.pt")
    content = (tmp_path / "evil.pt").read_bytes()
    (folder / "checkpoints" / name).write_bytes(hashlib.sha256(content).digest() + content)
    shutil.rmtree(run.folder)
    assert run_grid(GRID, out=folder).failed == 0
    assert "cannot be resumed from" in caplog.text
    assert "weights_only" not in caplog.text


def _linked(path, outside):
    with h5py.File(path, "w") as file:
        file["factors"] = np.arange(4)
        file["indices"] = np.arange(32)
        file["images"] = h5py.ExternalLink(str(outside), "images")
        file["means"] = h5py.SoftLink("/nowhere")
        file["logvars"] = h5py.ExternalLink(str(outside), "images")


def _stored_outside(path, outside):
    with h5py.File(path, "w") as file:
        file["factors"] = np.arange(4)
        shape = (4, 2, 2)
        place = [(str(outside), 0, 16)]
        file.create_dataset("images", shape, np.uint8, external=place)
        file.create_dataset("indices", (2,), np.int64, external=place)


def _virtual(path, outside):
    with h5py.File(path, "w") as file:
        file["factors"] = np.arange(4)
        layout = h5py.VirtualLayout((4, 2, 2), np.uint8)
        layout[:] = h5py.VirtualSource(str(outside), "images", (4, 2, 2))
        file.create_virtual_dataset("images", layout)
        file.create_virtual_dataset("indices", layout)


def _nested(path, outside):
    with h5py.File(path, "w") as file:
        file["factors"] = np.arange(4)
        file.create_group("images/images")
        file.create_group("indices")


@pytest.mark.parametrize("write", [_linked, _stored_outside, _virtual, _nested])
def test_hdf5_reads_nothing_from_elsewhere(folder, world, tmp_path, write):
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["images"] = np.full((4, 2, 2), 7, np.uint8)
    path = tmp_path / "mine.h5"
    write(path, secret)
    with pytest.raises(ValueError, match=r"mine.h5: 'images' is no array in the file itself"):
        datasets.from_file(path)
    run = _replace(_model_run(folder), "latents.h5", path.read_bytes())
    with pytest.raises(DamagedError, match=r"latents.h5: has no codes that can be read"):
        run.latents()
    frames = folder / "frames" / "evil.h5"
    shutil.copy(path, frames)
    assert read_frames(frames) is None
    with pytest.raises(GridError, match=r"datasets\.0\.path: .*mine.h5"):
        parse_grid({**GRID, "datasets": [{"name": "file", "path": str(path)}]})


def _bomb(path):
    """Write a header of an array of exabytes, with nothing behind it."""
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000000000,), }"
    header = header.ljust(117) + b"\n"
    with zipfile.ZipFile(path, "w") as file:
        whole = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
        file.writestr("images.npy", whole)
        file.writestr("factors.npy", whole)


def test_data_sets_are_not_unpickled(world, tmp_path):
    evil = np.array([Payload(world / "marker")] * 4, dtype=object)
    images, factors = np.zeros((4, 2, 2), np.uint8), np.arange(4)
    paths = [tmp_path / f"{i}.npz" for i in range(5)]
    np.savez(paths[0], images=evil, factors=factors)
    np.savez(paths[1], images=images, factors=evil)
    np.savez(paths[2], images=images, factors=factors, factor_names=evil)
    paths[3].write_bytes(pickle.dumps(Payload(world / "marker")))
    _bomb(paths[4])
    for path in paths:
        with pytest.raises(ValueError, match=rf"{path}.* cannot be read"):
            datasets.from_file(path)
        with pytest.raises(GridError, match=rf"datasets\.0\.path: .*{path.name}"):
            parse_grid({**GRID, "datasets": [{"name": "file", "path": str(path)}]})


@pytest.mark.parametrize(
    "name",
    [
        *("tables", "figures", "scores", "frames", "damaged", "failures", "checkpoints"),
        *(".staging", "runs", "scores/groups", "scores/levels", ".lock"),
        *("report.html", "store.json"),
    ],
)
def test_links_out_of_the_folder_are_refused(folder, world, name):
    place = folder / name
    if place.is_dir():
        shutil.rmtree(place)
    place.unlink(missing_ok=True)
    target = "precious.txt" if name in (".lock", "report.html") else "folder"
    if name == "store.json":
        (world / "marker.json").write_text(dump_json({"format": 1}))
        target = "../marker.json"
    place.symlink_to(world / "outside" / target)
    with pytest.raises(StoreError, match=rf"{place}: is a link; "):
        run_grid(GRID, out=folder)
    assert report([str(folder)]) == 2
    (world / "marker.json").unlink(missing_ok=True)


def test_a_run_that_is_a_link_is_set_aside(folder, world):
    tables = _tables(folder)
    run = _model_run(folder)
    elsewhere = world / "elsewhere" / run.run_id
    shutil.move(run.folder, elsewhere)
    run.folder.symlink_to(elsewhere)
    before = {path.name: path.read_bytes() for path in elsewhere.iterdir()}
    assert run_grid(GRID, out=folder).trained == 1
    assert not run.folder.is_symlink()
    assert {path.name: path.read_bytes() for path in elsewhere.iterdir()} == before
    assert _tables(folder) == tables


@pytest.mark.parametrize(
    "change",
    [
        {"run_id": "../../outside/folder"},
        {"run_id": "0123456789abcdef"},
        {"group_id": "../../../outside/folder/keep"},
        {"group_id": "0123456789abcdef"},
        {"files": {"../../../outside/precious.txt": {"sha256": "", "bytes": 28}}},
        {"files": {"/etc/passwd": {"sha256": "", "bytes": 1}}},
        {"files": {}},
        {"spec": {"kind": "__import__('os')"}},
        {"latent_names": "z0"},
        {"reconstruction": "12"},
        {"execution": {}},
        {"versions": {"torch": 2}},
        {"dataset": None},
    ],
)
def test_a_manifest_that_leads_elsewhere_is_damaged(folder, world, change):
    tables = _tables(folder)
    run = _model_run(folder)
    manifest = run.folder / "manifest.json"
    manifest.write_text(dump_json({**read_json(manifest), **change}))
    with pytest.raises(DamagedError, match=str(run.folder)):
        read_run(run.folder)
    assert run_grid(GRID, out=folder).trained == 1
    assert _tables(folder) == tables


def test_a_run_under_another_name_is_no_second_run(folder, world):
    run = _model_run(folder)
    for name in ("[a-z]*", "0123456789abcdef", "x; touch marker"):
        shutil.copytree(run.folder, folder / "runs" / name)
    tables = _tables(folder)
    assert run_grid(GRID, out=folder).trained == 0
    assert _tables(folder) == tables
    assert len(list((folder / "damaged").iterdir())) == 3


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_of_a_grid_or_an_option_is_refused(world, name):
    for grid, path in (
        ({**GRID, "name": name}, "name"),
        ({**GRID, "datasets": [name]}, "datasets.0"),
        ({**GRID, "datasets": [{"name": "ball", name or " ": 1}]}, "datasets.0"),
        ({**GRID, "datasets": [{"name": "ball", "shape": name}]}, "datasets.0.shape"),
        ({**GRID, "datasets": [{"name": "file", "path": name}]}, "datasets.0"),
        ({**GRID, "models": [{"kind": name}]}, "models.0.kind"),
        ({**GRID, "metrics": [name]}, "metrics.0"),
        ({**GRID, "metrics": {name: "os:getcwd"}}, "metrics"),
        ({**GRID, "metrics": [{"name": "mig", "exclude": [name]}]}, "metrics: mig.exclude"),
    ):
        with pytest.raises(GridError) as refused:
            parse_grid(grid)
        assert str(refused.value).startswith(f"grid: {path}")
        assert str(refused.value).isprintable()


# Thirty names, one of them 5,000 letters long, leave a figure no room: it is ugly, no more.
@pytest.mark.filterwarnings("ignore:constrained_layout not applied")
def test_hostile_names_of_factors_go_through_everything(world, tmp_path):
    """A user's data set may call its factors what it likes: all of them, through a whole grid."""
    names = sorted({name.replace("\x00", "") for name in HOSTILE} - {""})
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (48, 16, 16), np.uint8)
    factors = rng.integers(0, 3, (48, len(names)))
    path = tmp_path / "named.h5"
    with h5py.File(path, "w") as file:
        file["images"], file["factors"] = images, factors
        file["factor_names"] = [name.encode("utf-8", "surrogatepass") for name in names]
    grid = {**GRID, "datasets": [{"name": "file", "path": str(path)}], "seeds": [0]}
    grid |= {"metrics": ["mig", "kl_per_dimension"], "baselines": True}
    folder = world / "named"
    assert run_grid(grid, out=folder).failed == 0
    assert Store(folder).runs()[0].factor_names == names
    for figure in (folder / "figures").glob("*.svg"):
        # Our own drawing, read to see that it is XML at all.
        ElementTree.parse(figure)  # noqa: S314
    for table in (folder / "tables").glob("*.csv"):
        cells = pd.read_csv(table, dtype=str, keep_default_na=False).to_numpy().ravel()
        for cell in cells:
            assert cell[:1] not in ("=", "+", "-", "@", "\t", "\r") or _is_number(cell)


def _is_number(cell):
    try:
        float(cell)
    except ValueError:
        return False
    return True
