"""A model to touch that has its decoder, in headless Chromium: what it draws is PyTorch's."""

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from jinja2 import Environment, FileSystemLoader
from matplotlib.colors import LinearSegmentedColormap
from PIL import Image

import bench.page
from bench.models.load import load_run
from bench.page.explorer import shown_models
from bench.plots._images import MAP_COLOURS
from bench.store.store import Store
from tests.bench.page.conftest import DESKTOP
from tests.bench.page.explorers import (
    DRAWN,
    LIVE,
    STILL,
    code_of,
    explorer_study,
    opened,
    screen,
    shown_names,
    written,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def study(small_store):
    return explorer_study(small_store)


@pytest.fixture(scope="module")
def names(study):
    return shown_names(study)


@pytest.fixture(scope="module")
def path(study, tmp_path_factory):
    return written(study, tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def pictured(study, names, small_store):
    """Return what PyTorch draws of a code whose latents are in the page's order, in bytes."""
    loaded = load_run(Store(small_store).run_folder(names[0]))
    loaded.model.decoder_linears[0].weight.data *= 8

    def picture(code):
        given = np.zeros((1, len(code)), np.float32)
        given[0, study.frames[names[0]].latents] = code
        return loaded.decode(given)[0, 0] * 255

    return picture


@pytest.fixture
def live(page):
    return opened(page, LIVE)


def _assert_draws(part, picture, code=None):
    """See to it that a model's picture is PyTorch's of the code that is wanted, and said."""
    part.page.evaluate(DRAWN)
    if code is not None:
        assert code_of(part) == pytest.approx(list(code), abs=0.006)
    shown = _canvas(part)
    expected = picture(code_of(part) if code is None else code)
    assert np.abs(shown - expected).max() <= 2


def _pixels(canvas):
    address = canvas.evaluate("(canvas) => canvas.toDataURL()")
    with Image.open(io.BytesIO(base64.b64decode(address.split(",")[1]))) as image:
        pixels = np.array(image.convert("RGBA")).astype(float)
    assert (pixels[..., 3] == 255).all()
    return pixels


def _canvas(part):
    pixels = _pixels(part.locator(".view"))
    assert pixels.shape == (16, 16, 4)
    return pixels[..., 0]


def test_pictures_differ_enough_to_be_told_apart(pictured):
    assert np.abs(pictured([2, 0, 0, 0]) - pictured([-2, 0, 0, 0])).max() > 20


def test_a_model_is_read_when_it_is_seen_and_not_before(page):
    # The first screen has a small one of some model.
    page.wait_for_function("() => document.querySelector('.touch .explorer').explorer")
    seen = {page.locator(".touch .explorer").get_attribute("data-model")}
    for model in (LIVE, STILL):
        part = opened(page, model)
        seen.add(part.locator(".explorer").get_attribute("data-model"))
        assert {*page.evaluate("[...readModels.keys()]")} == seen
    assert page.evaluate("document.querySelectorAll('.explorer.live').length") == 4


def test_the_thumbs_start_at_the_code_of_the_image(live, study, names, pictured):
    frames = study.frames[names[0]]
    _assert_draws(live, pictured, frames.codes[0])
    sliders = live.locator(".controls input")
    thumbs = sliders.evaluate_all("(inputs) => inputs.map((input) => Number(input.value))")
    assert thumbs == pytest.approx(frames.codes[0].tolist(), abs=0.025)
    kl = [float(text) for text in live.locator(".controls small").all_inner_texts()]
    assert kl == sorted(kl, reverse=True)
    assert sliders.count() == len(kl) == 4
    assert sliders.first.get_attribute("min") == "-3.0"


def test_all_latents_move_together(live, study, names, pictured):
    code = study.frames[names[0]].codes[0].tolist()
    sliders = live.locator(".controls input")
    for latent, value in ((0, -3), (2, 1.35), (3, 3), (0, 2.5)):
        sliders.nth(latent).fill(str(value))
        code[latent] = value
        _assert_draws(live, pictured, code)
    sliders.nth(1).focus()
    live.page.keyboard.press("ArrowRight")
    live.page.evaluate(DRAWN)
    assert code_of(live)[1] == pytest.approx(round(code[1] / 0.05) * 0.05 + 0.05, abs=0.006)
    assert "z" in live.locator(".view").get_attribute("aria-label")


def test_the_pad_moves_two_latents_by_pointer_and_by_keys(live, study, names, pictured):
    rest = study.frames[names[0]].codes[0, 2:].tolist()
    pad = live.locator(".pad")
    box = pad.bounding_box()
    pad.click(position={"x": 0.75 * box["width"], "y": 0.25 * box["height"]})
    live.page.evaluate(DRAWN)
    code = code_of(live)
    assert code[:2] == pytest.approx([1.5, 1.5], abs=0.06)
    assert code[2:] == pytest.approx(rest, abs=0.006)
    _assert_draws(live, pictured)
    # Out of the pad while the button is down: the thumb stays at its edge.
    mouse = live.page.mouse
    mouse.move(box["x"] + 10, box["y"] + 10)
    mouse.down()
    mouse.move(box["x"] - 50, box["y"] + box["height"] + 50)
    mouse.up()
    live.page.evaluate(DRAWN)
    assert code_of(live)[:2] == [-3, -3]
    mouse.move(box["x"] + 100, box["y"] + 100)
    live.page.evaluate(DRAWN)
    assert code_of(live)[:2] == [-3, -3]
    pad.focus()
    for key in ("Home", "ArrowRight", "ArrowRight", "Shift+ArrowUp", "ArrowDown", "ArrowLeft"):
        live.page.keyboard.press(key)
    _assert_draws(live, pictured, [0.1, 0.9, *rest])
    first, second = [f"z{latent}" for latent in study.frames[names[0]].latents[:2]]
    assert pad.get_attribute("aria-valuetext") == f"{first} 0.10, {second} 0.90"
    assert pad.get_attribute("aria-valuenow") == "0.10"


def test_a_click_on_a_position_moves_thumbs_and_picture(live, study, names, pictured):
    frames = study.frames[names[0]]
    size = frames.tuning_maps.shape[1]
    canvas, output = live.locator(".map"), live.locator("output")
    box = canvas.bounding_box()
    for x, y in ((1, 5), (size - 1, 2)):
        place = {"x": (x + 0.5) * box["width"] / size, "y": (y + 0.5) * box["height"] / size}
        canvas.click(position=place)
        _assert_draws(live, pictured, frames.tuning_maps[:, y, x])
        text = output.inner_text().replace("−", "-")
        assert text.startswith(f"Position {x}, {y}: ")
        shown = dict(re.findall(r"z(\d+) (-?\d+\.\d+)", text))
        assert [int(name) for name in shown] == frames.latents.tolist()
    # By keyboard, to where no image was evaluated: the code stays.
    for axis in ("x", "y"):
        live.locator(f"[data-axis={axis}]").focus()
        live.page.keyboard.press("Home")
    live.page.evaluate(DRAWN)
    assert output.inner_text() == "Position 0, 0: no image evaluated"
    _assert_draws(live, pictured, frames.tuning_maps[:, 2, 0])
    # A code that is moved is that of no position.
    live.locator(".controls input").first.fill("1")
    live.page.evaluate(DRAWN)
    assert output.inner_text() == ""


def test_an_image_of_the_dataset_is_where_thumbs_go(live, study, names, pictured):
    frames = study.frames[names[0]]
    buttons = live.locator(".image")
    assert buttons.count() == len(frames.originals)
    for chosen in (3, 10):
        buttons.nth(chosen).click()
        _assert_draws(live, pictured, frames.codes[chosen])
        pressed = buttons.evaluate_all("(all) => all.map((b) => b.getAttribute('aria-pressed'))")
        assert [i for i, text in enumerate(pressed) if text == "true"] == [chosen]
        original = screen(live.locator(".original")).resize((16, 16), Image.Resampling.NEAREST)
        expected = frames.originals[chosen, 0].astype(int)
        # Corners are rounded.
        assert np.abs(np.array(original).astype(int) - expected)[1:-1, 1:-1].max() <= 2
    live.locator(".random").click()
    live.page.evaluate(DRAWN)
    assert live.locator(".beside").is_hidden()
    assert live.locator(".image[aria-pressed=true]").count() == 0


def test_random_draws_from_the_prior_and_reset_goes_back(live, study, names, pictured):
    seen = set()
    for _ in range(3):
        live.locator(".random").click()
        _assert_draws(live, pictured)
        seen.add(tuple(code_of(live)))
    assert len(seen) == 3
    drawn = np.array(live.page.evaluate("Array.from({ length: 20000 }, normal)"))
    assert drawn.mean() == pytest.approx(0, abs=0.03)
    assert drawn.std() == pytest.approx(1, abs=0.03)
    assert (np.abs(drawn) < 1).mean() == pytest.approx(0.683, abs=0.02)
    live.locator(".reset").click()
    _assert_draws(live, pictured, study.frames[names[0]].codes[0])


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_latents_play_in_turn_and_stop(page, study, names, motion):
    page.emulate_media(reduced_motion=motion)
    page.reload()
    live = opened(page, LIVE)
    rest = study.frames[names[0]].codes[0, 1:].tolist()
    play = live.locator(".play")
    play.click()
    seen = []
    for _ in range(20):
        page.wait_for_timeout(50)
        seen.append(code_of(live))
    assert play.inner_text() == "Stop"
    first = {code[0] for code in seen}
    steps = np.linspace(-3, 3, 11)
    between = [value for value in first if np.abs(steps - value).min() > 0.01]
    if motion == "reduce":
        # A step every 600 ms, and nothing between them.
        assert 2 <= len(first) <= 6
        assert not between
    else:
        assert len(between) >= 2
    # A latent takes twelve seconds, or two.
    assert all(code[1:] == pytest.approx(rest, abs=0.006) for code in seen[:5])
    play.click()
    page.evaluate(DRAWN)
    after = code_of(live)
    page.wait_for_timeout(200)
    assert (code_of(live), play.inner_text()) == (after, "Play")


def test_what_plays_stops_where_it_is_not_seen(live):
    live.locator(".play").click()
    live.evaluate("(part) => (part.open = false)")
    live.page.wait_for_timeout(200)
    assert live.locator(".play").text_content() == "Play"


def test_a_frame_draws_once_however_many_changes_it_has(live):
    drawn = live.evaluate(
        """async (part) => {
          const { decoder } = readModel(part.querySelector(".explorer").dataset.model);
          let count = 0;
          const decode = decoder.decode;
          decoder.decode = (code) => (count++, decode(code));
          const slider = part.querySelector(".controls input");
          for (let i = 0; i < 50; i++) {
            slider.value = i / 25;
            slider.dispatchEvent(new Event("input"));
          }
          const before = count;
          await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
          decoder.decode = decode;
          return [before, count];
        }"""
    )
    assert drawn == [0, 1]
    assert code_of(live)[0] == 1.95


def test_several_explorers_of_a_model_share_its_decoder(browser, study, pictured, tmp_path):
    (model, *_), _ = shown_models(study)
    templates = FileSystemLoader(Path(bench.page.__file__).parent / "templates")
    environment = Environment(loader=templates, autoescape=True)
    page = environment.from_string(
        """{% from "explorer.html" import explorer, payload %}<!doctype html>
        <style>{% include "style.css" %}{% include "explorer.css" %}</style>
        <section>{{ explorer(model, compact=True) }}</section>
        <section>{{ explorer(model) }}</section>{{ payload(model) }}
        <script>{% include "decoder.js" %}{% include "explorer.js" %}</script>"""
    )
    path = tmp_path / "two.html"
    path.write_text(page.render(model=model), encoding="utf-8")
    assert path.read_text(encoding="utf-8").count(model.decoder) == 1
    with browser.new_context(viewport=DESKTOP) as context:
        tab = context.new_page()
        tab.goto(path.as_uri())
        small, whole = tab.locator("section").all()
        tab.wait_for_function(
            "[...document.querySelectorAll('.explorer')].every((part) => part.explorer)"
        )
        assert tab.evaluate("readModels.size") == 1
        assert small.locator(".controls input").count() == 3
        for selector in (".pad", ".image", ".map", ".play"):
            assert small.locator(selector).count() == 0
        start = [latent.start for latent in model.latents]
        small.locator(".controls input").nth(2).fill("-2")
        tab.evaluate(DRAWN)
        expected = pictured([*start[:2], -2, start[3]])
        assert np.abs(_canvas(small) - expected).max() <= 2
        # Each has a code of its own.
        _assert_draws(whole, pictured, start)
        before = _canvas(small)
        small.locator(".random").click()
        tab.evaluate(DRAWN)
        assert not np.array_equal(_canvas(small), before)
        assert small.bounding_box()["height"] < 330


def test_the_picture_is_crisp_at_three_to_four_times_its_size(live):
    view = live.locator(".view")
    assert view.evaluate("(view) => getComputedStyle(view).imageRendering") == "pixelated"
    # Of the 64 pixels that images of the field have.
    assert 3 * 64 <= view.bounding_box()["width"] <= 4 * 64


def test_maps_to_touch_have_the_colours_of_those_in_figures(live, study, names):
    colours = LinearSegmentedColormap.from_list("maps", MAP_COLOURS)
    maps = study.frames[names[0]].tuning_maps.clip(-3, 3)
    for latent, expected in enumerate(maps):
        # A code of no position, so that the map has no mark on it.
        live.locator(".controls input").nth(latent).fill("0.35")
        live.page.evaluate(DRAWN)
        pixels = _pixels(live.locator(".map"))
        middles = ((np.arange(len(expected)) + 0.5) * len(pixels) / len(expected)).astype(int)
        known = np.isfinite(expected)
        difference = pixels[np.ix_(middles, middles)] - 255 * colours((expected + 3) / 6)
        # Matplotlib has 256 colours between the ends.
        assert np.abs(difference)[known].max() <= 2
    assert np.ptp(maps[:, known], axis=0).max() > 4
