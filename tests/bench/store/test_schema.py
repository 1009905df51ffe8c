"""What is stored is read back, whatever it is; what nobody stored is damaged, in one line."""

import copy
import json
from typing import Literal, get_args, get_origin

import numpy as np
import pytest

from bench import load_results
from bench.grid.expand import BASELINE_KINDS
from bench.grid.fields import ARCHITECTURES as OF_THE_SUITE
from bench.grid.identity import group_id, run_id
from bench.grid.packs import DEVICES, PRECISIONS
from bench.grid.specs import KINDS, DatasetSpec, FactorChannelSpec, VAESpec
from bench.models.vae import ARCHITECTURES, GAINS
from bench.report import _grid, build
from bench.store.files import DamagedError, dump_json, read_json
from bench.store.results import Failure, Result
from bench.store.schema import MAX_PIXELS, check_grid, parse_manifest
from bench.store.store import Store, StoreError
from bench.training.objectives import OBJECTIVES
from bench.training.producers import PRODUCERS

# What the kinds cannot do without, where it is no number.
_NEEDED = {
    "name": "mine",
    "content": "0" * 64,
    "objective": "mine.losses:one@0123456789abcdef",
}
_DATASET = {
    "fingerprint": "ball",
    "n_images": 4,
    "image_shape": [1, 16, 16],
    "factor_names": ["position_x"],
    "factor_sizes": [4],
}


def _specs():
    """Return a spec of every kind, and of every value that a field of it lists."""
    for kind, cls in KINDS.items():
        needed = {
            name: _NEEDED.get(name, 1)
            for name, field in cls.model_fields.items()
            if field.is_required() and name not in ("kind", "dataset")
        }
        listed = {
            name: [*get_args(field.annotation)]
            for name, field in cls.model_fields.items()
            if get_origin(field.annotation) is Literal and name != "kind"
        }
        yield cls(kind=kind, dataset=DatasetSpec(name="ball"), **needed)
        for name, values in listed.items():
            for value in values:
                yield cls(kind=kind, dataset=DatasetSpec(name="ball"), **needed, **{name: value})


def _record(spec, **execution):
    execution = {"device": "cpu", "precision": "float32", "threads": 1} | execution
    return {
        "group_id": group_id(spec),
        "git_commit": None,
        "versions": {"torch": "none"},
        "dataset": _DATASET,
        "execution": {**execution, "device_name": "none", "pack": [run_id(spec)]},
    }


def _result(spec):
    codes = np.zeros((4, 2), np.float32)
    return Result(spec, np.arange(4), codes, codes, ("z0", "z1"))


def test_every_kind_and_setting_of_a_run_is_read_as_it_was_committed(tmp_path):
    store = Store(tmp_path / "store", create=True)
    specs = {run_id(spec): spec for spec in _specs()}
    assert {spec.kind for spec in specs.values()} == KINDS.keys()
    for spec in specs.values():
        store.commit(_result(spec), _record(spec))
    runs, damaged = store.scan()
    assert damaged == {}
    assert {run.run_id: run.spec for run in runs} == specs
    assert store.damaged(specs) == []
    assert set(load_results(store.folder).runs["kind"]) == KINDS.keys()


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("device", [*DEVICES, "elsewhere"])
def test_every_way_of_execution_is_read_as_it_was_committed(tmp_path, precision, device):
    store = Store(tmp_path / "store", create=True)
    spec = KINDS["vae"](kind="vae", dataset=DatasetSpec(name="ball"))
    store.commit(_result(spec), _record(spec, precision=precision, device=device))
    assert store.damaged([run_id(spec)]) == []
    assert list(load_results(store.folder).runs["precision"]) == [precision]


def test_what_specs_list_is_what_there_is():
    fields = FactorChannelSpec.model_fields
    choices = {name: get_args(field.annotation) for name, field in fields.items()}
    assert choices["architecture"] == OF_THE_SUITE == tuple(ARCHITECTURES)
    assert choices["initialisation"] == tuple(GAINS)
    assert KINDS.keys() - {"codes"} == PRODUCERS.keys()
    assert BASELINE_KINDS.keys() == {kind for kind in KINDS if kind.startswith("baseline_")}
    trained = [kind for kind, cls in KINDS.items() if issubclass(cls, VAESpec | FactorChannelSpec)]
    assert OBJECTIVES.keys() == {*trained} - {"own"}


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path / "store", create=True)
    for seed in (0, 1):
        spec = KINDS["vae"](kind="vae", dataset=DatasetSpec(name="ball"), seed=seed)
        made.commit(_result(spec), _record(spec))
    return made


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("latent_names", []),
        ("latent_names", None),
        ("latent_names", ["z0", 1]),
        ("latent_names", ["z"] * 5000),
        *(("dataset.image_shape", [1, side, side]) for side in (10**9, 0, -16, 16.0, "16", True)),
        *(("dataset.image_shape", shape) for shape in ([], [1, 16], [1, 1, 16, 16], 16, None)),
        ("dataset.image_shape", [MAX_PIXELS + 1, 1, 1]),
        ("dataset.n_images", 0),
        ("dataset.n_images", 10**4000),
        ("dataset.factor_sizes", [10**30]),
        ("dataset.factor_sizes", [4, 4]),
        ("dataset.factor_names", []),
        ("dataset", []),
        ("execution.threads", 10**4000),
        ("execution.threads", -1),
        ("execution.precision", "float16"),
        ("execution.precision", ["tf32"]),
        ("execution.pack", "abc"),
        ("reconstruction", 10**4000),
        ("files.latents.h5", 1),
        ("format", 10**4000),
        ("spec.seed", 10**4000),
        ("spec.dataset.name", "\ud800"),
    ],
)
def test_a_manifest_of_what_cannot_be_is_damaged(store, path, value, caplog):
    folder, other = store.run_folders()
    manifest = read_json(folder / "manifest.json")
    inner = changed = copy.deepcopy(manifest)
    *keys, last = ["files", "latents.h5"] if path == "files.latents.h5" else path.split(".")
    for key in keys:
        inner = inner[key]
    inner[last] = value
    (folder / "manifest.json").write_text(dump_json(changed))
    runs, damaged = store.scan()
    assert [run.folder for run in runs] == [other]
    assert damaged[folder].startswith(f"{folder}: is not a readable run: ")
    assert damaged[folder].isprintable()
    assert len(load_results(store.folder).runs) == 1


_LONE = "half a pair: \ud83d, undecoded: \udce9, \u202e whole: \U0001f600"


def test_text_that_is_no_unicode_is_shown_as_its_escape(store):
    spec = KINDS["vae"](kind="vae", dataset=DatasetSpec(name="ball"), seed=7)
    store.commit(Failure(spec, _LONE, _LONE), _record(spec))
    folder = store.run_folders()[0]
    manifest = read_json(folder / "manifest.json")
    manifest["latent_names"] = ["\udc80", "z1"]
    manifest["dataset"]["factor_names"] = ["\udfff"]
    manifest["versions"]["python"] = "\ud800"
    (folder / "manifest.json").write_text(dump_json(manifest))
    run = store.runs()[0]
    entry = {"column": "mig", "value": None, "reason": _LONE, "warnings": [_LONE]}
    kl = {"column": "kl_per_dimension", "value": [1.0, 2.0]}
    store.write_scores(run.run_id, run.codes_digest, {"mig": [entry], "\udce9": [kl]})
    build(store)
    failures = (store.folder / "tables" / "failures.csv").read_text(encoding="utf-8")
    assert r"half a pair: \ud83d, undecoded: \udce9" in failures
    assert "whole: \U0001f600" in failures
    assert r"\udc80" in (store.folder / "tables" / "kl_per_dimension.csv").read_text()
    assert r"half a pair: \ud83d" in (store.folder / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"grid": None},
        {"grid": []},
        {"grid": "text"},
        {"grid": {}},
        {"grid": {"name": None}},
        {"grid": {"name": ["a"]}},
        {"grid": {"name": "x" * 10_000}},
        {"name": "top"},
    ],
)
def test_a_grid_of_another_shape_is_left_out(store, body, caplog):
    path = store.folder / "grid.json"
    path.write_text(dump_json(body))
    assert _grid(store) is None
    assert f"{path}: is left out: " in caplog.text
    with pytest.raises(DamagedError):
        check_grid(body)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        '"text"',
        "5",
        '{"checksum": null}',
        '{"a": ' + "9" * 5000 + "}",
        '{"a": 1e999}',
        '{"a": NaN}',
        *('{"a": ' + "[" * depth + "]" * depth + "}" for depth in (10**5, 2000)),
        '{"a": ' * 500 + "1" + "}" * 500,
        '{"a": "\\ud800"}',
        "\ufeff{}",
    ],
)
def test_json_that_is_none_of_ours_is_damaged_in_one_line(tmp_path, text):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(DamagedError) as refused:
        read_json(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert str(refused.value).isprintable()


def test_deep_values_with_a_checksum_that_fits_are_damaged(store):
    deep = []
    for _ in range(400):
        deep = [deep]
    folder = store.run_folders()[0]
    manifest = read_json(folder / "manifest.json")
    for change in ({"more": deep}, {"spec": {**manifest["spec"], "dataset": deep}}):
        (folder / "manifest.json").write_text(dump_json({**manifest, **change}))
        (reason,) = store.scan()[1].values()
        assert "nested more than 100 deep" in reason


@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize("name", ["a\0b", "a\nb\0", "x" * 300, "~nosuchuser", "\udce9", "file/x"])
def test_a_path_that_cannot_be_is_refused_in_one_line(tmp_path, monkeypatch, name, create):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    try:
        Store(tmp_path / name, create=create)
    except StoreError as error:
        refused = str(error)
    else:
        # A name like any other, to whoever takes names as they are.
        assert create
        assert name in ("~nosuchuser", "\udce9")
        return
    assert refused.isprintable()
    assert refused.startswith(str(tmp_path))


def test_every_field_of_a_valid_manifest_is_needed(store):
    manifest = json.loads(json.dumps(read_json(store.run_folders()[0] / "manifest.json")))
    parse_manifest(manifest)
    optional = {"shared", "duration_seconds", "finished"}
    for name in manifest.keys() - optional:
        with pytest.raises(DamagedError, match=name):
            parse_manifest({key: value for key, value in manifest.items() if key != name})


def test_names_in_a_folder_steer_no_terminal(store, caplog):
    (store.folder / "runs" / "a\n\x1b[2J").mkdir()
    (store.folder / "failures").mkdir(exist_ok=True)
    (store.folder / "failures" / "b\n\x1b[2J.json").write_text("{")
    store.runs()
    store.failures()
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == 2
    # One so long that the system takes no longer ones.
    (store.folder / "runs" / ("\n" * 250)).mkdir()
    messages += [str(store.set_aside(folder)) for folder in store.scan()[1]]
    assert len(messages) == 4
    assert all(message.isprintable() for message in messages)
