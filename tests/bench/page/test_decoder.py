"""A decoder in the page: the same pictures as PyTorch's, or none."""

import io
import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import bench.page
from bench.analysis import study as bench_study
from bench.analysis.study import load_study
from bench.models.factor_channel import CHANNELS
from bench.models.load import LoadedRun, load_run
from bench.models.vae import VAE
from bench.models.weights import halved, read_weights
from bench.page.decoder import MOST_BYTES, decoder_payload
from bench.store.store import Store
from bench.store.tensors import read_tensors

TEMPLATES = Path(bench.page.__file__).parent / "templates"
RUN = "([payload, codes]) => { const { decode } = readDecoder(JSON.parse(payload));"
PICTURES = RUN + " return codes.map((code) => [...decode(code)]); }"
LATENTS = 5


@pytest.fixture(scope="module")
def blank(browser):
    """Return an empty page that has the decoder's script."""
    tab = browser.new_page()
    tab.add_script_tag(path=TEMPLATES / "decoder.js")
    return tab


def _model(architecture, channels, size, family=VAE):
    """Return a model as `load_run` gives it, with weights large enough to draw edges."""
    network = family((channels, size, size), LATENTS, architecture, [3], "kaiming")
    with torch.no_grad():
        for layer in (network.decoder_linears[0], network.decoder_convs[-1]):
            layer.weight *= 4
    return LoadedRun(SimpleNamespace(latent_names=["z"] * LATENTS), network.eval())


def _saved(model):
    buffer = io.BytesIO()
    torch.save(model.model.member_state(0), buffer)
    return buffer.getvalue()


def _payload(weights, image_shape, latents=None):
    latents = np.arange(LATENTS) if latents is None else latents
    return decoder_payload(weights, latents, image_shape)


def _bytes(pictures, channels):
    """Return pictures of the page as (n, C, H, W), and see to it that they are opaque."""
    pixels = np.array(pictures)
    size = int((pixels.shape[1] // 4) ** 0.5)
    pixels = pixels.reshape(-1, size, size, 4).transpose(0, 3, 1, 2)
    assert (pixels[:, 3] == 255).all()
    if channels == 1:
        assert (pixels[:, :1] == pixels[:, 1:3]).all()
    return pixels[:, :channels]


# Of 16 pixels the linear layers give one, of 48 an odd number.
SIZES = [("burgess", 64), ("burgess", 48), ("burgess", 16), ("locatello", 32), ("locatello", 16)]


@pytest.mark.slow
@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("architecture", "size"), SIZES)
def test_pictures_are_those_of_pytorch(blank, architecture, size, channels, half):
    model = _model(architecture, channels, size)
    content = halved(_saved(model)) if half else _saved(model)
    model.model.load_state_dict(read_weights(content))
    drawn = np.random.default_rng(0)
    codes = drawn.normal(size=(20, LATENTS)).astype(np.float32)
    order = drawn.permutation(LATENTS)
    payload = _payload(read_tensors(content), (channels, size, size), order)
    assert len(payload) <= MOST_BYTES
    pictures = blank.evaluate(PICTURES, [payload, codes[:, order].tolist()])
    expected = model.decode(codes) * 255
    # Not of one grey, and with edges: a picture that is nearly right would show.
    assert expected.std() > 30
    assert np.abs(_bytes(pictures, channels) - expected).max() <= 2


@pytest.mark.slow
def test_pictures_of_a_stored_run_are_those_of_load_run(blank, small_store):
    store = Store(small_store)
    study = load_study(store)
    codes = np.random.default_rng(1).normal(size=(50, 4)).astype(np.float32)
    assert set(study.decoders) == set(study.frames)
    for name, weights in study.decoders.items():
        frames = study.frames[name]
        payload = decoder_payload(weights, frames.latents, frames.originals.shape[1:])
        pictures = blank.evaluate(PICTURES, [payload, codes[:, frames.latents].tolist()])
        expected = load_run(store.run_folder(name)).decode(codes) * 255
        assert np.abs(_bytes(pictures, 1) - expected).max() <= 2


@pytest.mark.parametrize("family", CHANNELS.values())
def test_a_factor_channel_has_a_decoder_too(family):
    weights = read_tensors(_saved(_model("burgess", 1, 64, family)))
    assert json.loads(_payload(weights, (1, 64, 64)))["widths"][0][0] == LATENTS


def test_a_payload_is_as_small_as_half_precision_and_ends_no_script():
    for channels in (1, 3):
        weights = read_tensors(_saved(_model("burgess", channels, 64)))
        payload = _payload(weights, (channels, 64, 64))
        assert 650_000 < len(payload) <= MOST_BYTES
        assert not {*payload} & {*"<>&'"}


def _without(weights, name):
    return {key: value for key, value in weights.items() if key != name}


CHANGES = {
    "no bias": lambda w: _without(w, "decoder_convs.1.bias"),
    "no layers": lambda w: {k: v for k, v in w.items() if not k.startswith("decoder_linears")},
    "a layer less": lambda w: _without(w, "decoder_convs.3.weight"),
    "not finite": lambda w: w | {"decoder_convs.1.bias": w["decoder_convs.1.bias"] * np.nan},
    "infinite": lambda w: w | {"decoder_linears.0.weight": w["decoder_linears.0.weight"] + np.inf},
    "another kernel": lambda w: {
        k: v[..., :3, :3] if k.startswith("decoder_convs") and v.ndim == 5 else v
        for k, v in w.items()
    },
    "a pack": lambda w: {k: np.concatenate([v, v]) for k, v in w.items()},
    "layers that do not fit": lambda w: (
        w | {"decoder_linears.1.weight": w["decoder_linears.1.weight"][:, :-1]}
    ),
    "another shape": lambda w: w | {"decoder_convs.0.weight": np.zeros((1, 2), np.float32)},
    "nothing": lambda w: {},
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_no_decoder_known_here_has_none(change):
    weights = read_tensors(_saved(_model("burgess", 1, 16)))
    assert _payload(weights, (1, 16, 16)) is not None
    assert _payload(CHANGES[change](weights), (1, 16, 16)) is None


def test_a_decoder_of_other_images_or_latents_or_too_large_a_one_is_none():
    weights = read_tensors(_saved(_model("burgess", 1, 16)))
    assert _payload(weights, (3, 16, 16)) is None
    assert _payload(weights, (1, 32, 32)) is None
    assert _payload(weights, (1, 16, 16), np.arange(LATENTS - 1)) is None
    for architecture, size in (("burgess", 128), ("locatello", 64)):
        large = read_tensors(_saved(_model(architecture, 1, size)))
        assert _payload(large, (1, size, size)) is None


def test_a_dozen_decoders_are_read_and_none_that_is_damaged(small_store, tmp_path, monkeypatch):
    folder = tmp_path / "store"
    shutil.copytree(small_store, folder)
    store = Store(folder)
    whole = load_study(store)
    in_order = [name for name in whole.tables.runs["run_id"] if name in whole.frames]
    assert list(whole.decoders) == in_order
    assert all(name.startswith("decoder_") for part in whole.decoders.values() for name in part)
    monkeypatch.setattr(bench_study, "MOST_DECODERS", 2)
    assert list(load_study(store).decoders) == in_order[:2]
    (store.run_folder(in_order[0]) / "model.pt").unlink()
    assert list(load_study(store).decoders) == in_order[1:]


def test_damaged_weights_are_told_and_left_out(small_store, tmp_path, caplog):
    folder = tmp_path / "store"
    shutil.copytree(small_store, folder)
    store = Store(folder)
    name = next(iter(load_study(store).decoders))
    path = store.run_folder(name) / "model.pt"
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    study = load_study(store)
    assert name in study.frames
    assert name not in study.decoders
    assert f"{path}: does not match its checksum" in caplog.text
