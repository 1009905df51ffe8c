"""Exported models: the same codes with and without this suite, and nothing believed unchecked."""

import io
import json
import os
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from ruamel.yaml import YAML

from bench import load_exported, load_results, load_run, run_grid
from bench.errors import MissingPackageError
from bench.export import export, main
from bench.models.model_card import CardScore, model_card
from bench.models.plain import PlainModel
from bench.store.files import DamagedError, WriteError
from bench.store.folder import StoreError
from bench.store.store import Store
from tests.bench.conftest import SMALL_BALL
from tests.documents import in_a_checkout, run as run_code

ROOT = Path(__file__).parents[2]


def _run(store, kind):
    return next(run for run in Store(store).runs() if run.spec.kind == kind)


@pytest.fixture(scope="module")
def run(small_store):
    return _run(small_store, "beta_vae")


@pytest.fixture(scope="module")
def exported(run, tmp_path_factory):
    return export(run.folder, tmp_path_factory.mktemp("exported") / "model", license_id="mit")


@pytest.fixture
def copy(exported, tmp_path):
    return shutil.copytree(exported, tmp_path / "model")


def _images(run):
    images = run.spec.dataset.load().images(run.latents().indices)
    return torch.from_numpy(images).float() / 255


def test_an_exported_model_has_the_codes_of_its_run(run, exported):
    assert {path.name for path in exported.iterdir()} == {
        *("model.safetensors", "config.json", "README.md")
    }
    model = load_exported(exported)
    expected = load_run(run.folder).to_torch().state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in model.state_dict().items())
    with torch.no_grad():
        means, logvars = model.encode(_images(run))
    np.testing.assert_allclose(means, run.latents().means, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(logvars, run.latents().logvars, rtol=1e-6, atol=1e-6)


def _code(folder, heading):
    text = (folder / "README.md").read_text(encoding="utf-8").split(f"## {heading}\n")[1]
    return re.search(r"```python\n(.*?)```", text, re.DOTALL)[1]


@pytest.mark.parametrize("heading", ["With disbench", "Without disbench"])
def test_the_card_says_how_to_load_it(run, exported, heading, monkeypatch):
    code = in_a_checkout(_code(exported, heading))
    modules = {*re.findall(r"^(?:from|import) (\w+)", code, re.MULTILINE)}
    expected = {"bench", "torch"} if heading == "With disbench" else {"safetensors", "torch"}
    assert modules == expected
    monkeypatch.chdir(exported)
    monkeypatch.setattr(torch, "rand", lambda *shape: _images(run))
    names = run_code(code)
    latents = run.latents()
    for name in ("means", "logvars"):
        found = names[name].detach()
        np.testing.assert_allclose(found, getattr(latents, name), rtol=1e-6, atol=1e-6)
    decoded = load_run(run.folder).decode(names["means"].detach())
    np.testing.assert_allclose(names["pictures"].detach(), decoded, rtol=1e-6, atol=1e-6)


def _front(text):
    return YAML(typ="safe").load(io.StringIO(text.split("---\n")[1]))


def test_the_card_has_what_the_hub_reads_and_what_people_ask(run, small_store, exported):
    text = (exported / "README.md").read_text(encoding="utf-8")
    front = _front(text)
    assert (front["library_name"], front["license"]) == ("disbench", "mit")
    assert {"disentanglement", "beta_vae", "ball"} <= {*front["tags"]}
    assert {"mig", "beta_vae_score", "modularity", "infomec"} <= {*front["metrics"]}
    (index,) = front["model-index"]
    (results,) = index["results"]
    row = load_results(small_store).runs.set_index("run_id").loc[run.run_id]
    values = {metric["type"]: metric["value"] for metric in results["metrics"]}
    assert values["kl"] == row["kl"]
    assert values["mig_posterior"] == row["mig_posterior"]
    assert f"| MIG (posterior) | {row['mig_posterior']:.4g} | " in text
    for said in (
        "# β-VAE β=4 on ball\n",
        "| beta | 4.0 |",
        "| steps | 30 |",
        run.run_id,
        run.fingerprint,
        r"position\_x (8), position\_y (8)",
        "| images | 64 |",
    ):
        assert said in text, said


def test_names_that_are_anybodys_are_shown_as_they_are():
    model = PlainModel((1, 16, 16), 2, "burgess")
    evil = "x|<script>`*_[a](b)\n---\nlicense: mine"
    card = model_card(
        model,
        title=evil,
        kind="vae",
        dataset=evil,
        license_id="unknown",
        facts=[(evil, evil)],
        scores=[CardScore("mig", evil, "mig", 0.5)],
    )
    front = _front(card)
    assert front["license"] == "unknown"
    assert front["model-index"][0]["name"] == evil
    body = card.split("---\n", 2)[2]
    assert "<script" not in body
    assert "\nlicense: mine" not in body
    assert all(
        line.count("|") - line.count(r"\|") in (3, 5)
        for line in body.splitlines()
        if line.startswith("|")
    )


def test_where_files_lie_is_nobodys_affair(tmp_path, no_figures):
    import datasets

    data = datasets.load(**SMALL_BALL)
    everything = np.arange(len(data))
    path = tmp_path / "secret place" / "ball.npz"
    path.parent.mkdir()
    np.savez(path, images=data.images(everything), factors=data.factors(everything))
    grid = {
        "name": "own",
        "datasets": [{"name": "file", "path": str(path)}],
        "models": [{"kind": "vae", "architecture": "locatello"}],
        "train": {"steps": 2, "batch_size": 16, "n_latents": 2},
        "metrics": ["mig"],
        "seeds": [0],
    }
    run_grid(grid, out=tmp_path / "out")
    (run,) = Store(tmp_path / "out").runs()
    folder = export(run.folder, tmp_path / "model")
    for name in ("README.md", "config.json"):
        text = (folder / name).read_text(encoding="utf-8")
        assert "secret" not in text
        assert "ball.npz" in text
    # A run that lies in no output folder has no scores, and a model all the same.
    alone = shutil.copytree(run.folder, tmp_path / "elsewhere" / run.run_id)
    text = (export(alone, tmp_path / "alone") / "README.md").read_text(encoding="utf-8")
    assert "It has not been scored." in text
    assert "model-index" not in _front(text)
    with torch.no_grad():
        means = load_exported(tmp_path / "alone").encode(_images(run))[0]
    np.testing.assert_allclose(means, run.latents().means, rtol=1e-6, atol=1e-6)


def test_a_download_of_links_is_read_and_weights_may_be_others(exported, copy, tmp_path):
    # As the Hub's own cache has it.
    linked = tmp_path / "snapshot"
    linked.mkdir()
    for path in exported.iterdir():
        (linked / path.name).symlink_to(path)
    first = load_exported(linked)
    # Somebody has trained on.
    from safetensors.torch import load_file, save_file

    path = copy / "model.safetensors"
    save_file({name: value + 1 for name, value in load_file(path).items()}, path)
    with pytest.raises(
        DamagedError, match=r"model.safetensors: does not match its checksum in con"
    ):
        load_exported(copy)
    _change(copy, weights_sha256=None)
    second = load_exported(copy)
    for name, value in first.state_dict().items():
        assert torch.equal(second.state_dict()[name], value + 1)


def _change(folder, **changes):
    path = folder / "config.json"
    config = {**json.loads(path.read_text(encoding="utf-8")), **changes}
    path.write_text(json.dumps({key: v for key, v in config.items() if v is not None}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"library_name": "transformers"}, "library_name: Input should be 'disbench'"),
        ({"format": 2}, "format: Input should be 1"),
        (
            {"architecture": "resnet"},
            "exported model: there is no architecture 'resnet'; known are: burgess, loc",
        ),
        ({"image_shape": [1, 16, 32]}, "its images are not square"),
        ({"image_shape": [1, 17, 17]}, "image_shape.1: Input should be a multiple of 16"),
        ({"image_shape": [10**9, 16, 16]}, "image_shape.0: Input should be less than or equal"),
        ({"n_latents": 10**12}, "n_latents: Input should be less than or equal to 4096"),
        ({"n_latents": "4"}, "n_latents: Input should be a valid integer"),
        ({"encodes": None}, "encodes: Field required"),
    ],
)
def test_a_config_of_something_else_is_refused(copy, changes, message):
    _change(copy, **changes)
    with pytest.raises(DamagedError, match=rf"config.json: describes no .*{re.escape(message)}"):
        load_exported(copy)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_latents": 5}, "encoder.13.weight is torch.float32 of shape (8, 256), not"),
        ({"image_shape": [3, 16, 16]}, "encoder.0.weight is torch.float32 of shape (32, 1, 4, 4)"),
        ({"image_shape": [4096, 4096, 4096]}, "encoder.0.weight is torch.float32 of shape"),
        ({"encodes": False}, "there is no encoder.0.bias"),
        ({"architecture": "locatello"}, "encoder.4.weight is torch.float32 of shape"),
    ],
)
def test_weights_of_another_model_are_refused(copy, changes, message):
    _change(copy, **changes)
    expected = (
        rf"model.safetensors: holds no weights of the model in config.json: {re.escape(message)}"
    )
    with pytest.raises(DamagedError, match=expected):
        load_exported(copy)


def test_damaged_weights_are_refused_with_the_name_of_the_file(exported, copy):
    path = copy / "model.safetensors"
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[-1] ^= 1
    named = "model.safetensors: (holds no weights|does not match its checksum)"
    for content in (b"", b"{}", whole[:-4], bytes(flipped), b"\xff" * 100, whole[8:]):
        path.write_bytes(content)
        with pytest.raises(DamagedError, match=named):
            load_exported(copy)
    # Not even where nobody vouches for them.
    _change(copy, weights_sha256=None)
    for content in (
        b"",
        b"{}",
        whole[:-4],
        b"\xff" * 100,
        whole[8:],
        (2**62).to_bytes(8, "little"),
    ):
        path.write_bytes(content)
        with pytest.raises(DamagedError, match="holds no weights that can be read"):
            load_exported(copy)
    from safetensors.torch import load, save

    halves = {name: value.half() for name, value in load(whole).items()}
    path.write_bytes(save(halves))
    with pytest.raises(DamagedError, match=r"is torch.float16 of shape .*, not torch.float32"):
        load_exported(copy)


def test_what_is_no_exported_model_is_refused_with_what_it_is(run, copy, tmp_path):
    with pytest.raises(DamagedError, match=f"{run.run_id}: is a run, .*: load_run reads it"):
        load_exported(run.folder)
    with pytest.raises(DamagedError, match=r"none.*config.json: has no exported model: No such"):
        load_exported(tmp_path / "none")
    (copy / "config.json").write_text("{" * 10_000)
    with pytest.raises(DamagedError, match=r"config.json: describes no exported model"):
        load_exported(copy)
    (copy / "config.json").write_bytes(b" " * (2**20 + 1))
    with pytest.raises(DamagedError, match=r"config.json: is no exported model: .*the most that"):
        load_exported(copy)
    for name in ("config.json", "model.safetensors"):
        shutil.copytree(copy, tmp_path / name, dirs_exist_ok=True)
    folder = tmp_path / "pipes"
    folder.mkdir()
    os.mkfifo(folder / "config.json")
    with pytest.raises(DamagedError, match=r"config.json: is no exported model: .*regular file"):
        load_exported(folder)
    (folder / "config.json").unlink()
    (folder / "config.json").symlink_to("config.json")
    with pytest.raises(DamagedError, match=r"config.json: has no exported model"):
        load_exported(folder)


def test_nothing_is_overwritten_and_nothing_half_written_is_left(
    run, small_store, tmp_path, capsys, monkeypatch
):
    target = tmp_path / "model"
    target.mkdir()
    (target / "precious.txt").write_text("mine")
    assert main([str(run.folder), str(target)]) == 2
    assert "is there already; remove it or name another folder" in capsys.readouterr().err
    assert [path.name for path in target.iterdir()] == ["precious.txt"]
    with pytest.raises(StoreError, match="is inside of an output folder"):
        export(run.folder, small_store / "model")
    with pytest.raises(StoreError, match="is an output folder; name a run of it"):
        export(small_store, tmp_path / "other")
    with pytest.raises(WriteError, match="cannot be written: Not a directory"):
        export(run.folder, target / "precious.txt" / "model")
    assert main([str(_run(small_store, "baseline_pca").folder), str(tmp_path / "other")]) == 2
    assert "has no model: it is a run of kind baseline_pca" in capsys.readouterr().err
    assert main([str(tmp_path / "nothing"), str(tmp_path / "other")]) == 2
    assert "nothing: is not a readable run" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([str(run.folder), str(tmp_path / "other"), "--license", "All rights reserved"])
    assert "must be an identifier of the Hub, such as" in capsys.readouterr().err

    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bench.export._card", full)
    assert main([str(run.folder), str(tmp_path / "other")]) == 2
    assert "other: cannot be written: No space left on device" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_the_command_writes_a_folder_and_says_which(run, tmp_path, capsys):
    assert main([str(run.folder), str(tmp_path / "a" / "model"), "--license", "apache-2.0"]) == 0
    assert capsys.readouterr().out == f"exported: {tmp_path / 'a' / 'model'}\n"
    assert "license: apache-2.0\n" in (tmp_path / "a" / "model" / "README.md").read_text()
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["model"]


def test_an_untrained_model_can_be_exported_and_says_so(small_store, tmp_path):
    run = _run(small_store, "baseline_untrained")
    folder = export(run.folder, tmp_path / "model")
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert "# untrained encoder on ball\n" in text
    assert "| steps |" not in text
    with torch.no_grad():
        means = load_exported(folder).encode(_images(run))[0]
    np.testing.assert_allclose(means, run.latents().means, rtol=1e-6, atol=1e-6)


def test_without_safetensors_it_says_how_to_get_it(run, exported, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    remedy = r"exported models need safetensors \(.*\): pip install 'disbench\[export\]'"
    with pytest.raises(MissingPackageError, match=remedy):
        load_exported(exported)
    with pytest.raises(MissingPackageError, match=remedy):
        export(run.folder, tmp_path / "model")
    assert not any(tmp_path.iterdir())


def test_a_license_is_checked_before_anything_else(tmp_path):
    with pytest.raises(ValueError, match="license_id must be an identifier of the Hub"):
        export(tmp_path / "no run", tmp_path / "model", license_id="")
