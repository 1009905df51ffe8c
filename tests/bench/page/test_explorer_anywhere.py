"""Models to touch without a decoder, without a script, on paper, on a phone and in both themes."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from jinja2 import Environment, FileSystemLoader

import bench.page
from bench.page.explorer import shown_models
from tests.bench.page.conftest import DESKTOP
from tests.bench.page.explorers import (
    CLOSED,
    DRAWN,
    LIVE,
    STILL,
    code_of,
    explorer_study,
    grey,
    opened,
    screen,
    shown_names,
    written,
)

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-core")

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


@pytest.fixture
def live(page):
    return opened(page, LIVE)


@pytest.fixture
def still(page):
    return opened(page, STILL)


def _shown_grey(part):
    part.page.evaluate(DRAWN)
    image = screen(part.locator(".view"))
    return image.getpixel((image.width // 2, image.height // 2))


def test_without_a_decoder_a_slider_shows_the_sheet_of_traversals(still, study, names):
    sliders = still.locator(".controls input")
    assert sliders.count() == 4
    for latent, value in ((0, 0), (0, 10), (3, 7), (1, 2)):
        sliders.nth(latent).fill(f"{-3 + 0.6 * value:.1f}")
        assert _shown_grey(still) == pytest.approx(grey(latent, value), abs=1)
    # The others went back to the code of the image.
    code = study.frames[names[-1]].codes[0].tolist()
    code[1] = -1.8
    assert code_of(still) == pytest.approx(code, abs=0.006)
    assert sliders.nth(1).get_attribute("aria-valuetext") == "−1.80"
    sliders.nth(2).fill("0")
    sliders.nth(2).focus()
    still.page.keyboard.press("ArrowRight")
    still.page.keyboard.press("ArrowRight")
    assert _shown_grey(still) == pytest.approx(grey(2, 7), abs=1)
    for selector in (".pad", ".random", ".reset", ".image", "canvas.view"):
        assert still.locator(selector).count() == 0


def test_without_a_decoder_traversals_play(still):
    play = still.locator(".play")
    play.click()
    known = {grey(latent, value) for latent in range(4) for value in range(11)}
    seen = set()
    # However slow the machine is: what plays shows one picture after the other.
    for _ in range(50):
        still.page.wait_for_timeout(100)
        seen.add(_shown_grey(still))
        if len(seen) >= 4:
            break
    assert play.inner_text() == "Stop"
    assert len(seen) >= 4
    assert seen <= known
    play.click()
    after = _shown_grey(still)
    still.page.wait_for_timeout(300)
    assert (_shown_grey(still), play.inner_text()) == (after, "Play")


def test_without_a_decoder_a_position_tells_its_code(still, study, names):
    frames = study.frames[names[-1]]
    before = code_of(still)
    canvas = still.locator(".map")
    box = canvas.bounding_box()
    size = frames.tuning_maps.shape[1]
    canvas.click(position={"x": 3.5 * box["width"] / size, "y": 4.5 * box["height"] / size})
    still.page.evaluate(DRAWN)
    text = still.locator("output").inner_text().replace("−", "-")
    assert text.startswith("Position 3, 4: ")
    shown = [float(value) for _, value in re.findall(r"z(\d+) (-?\d+\.\d+)", text)]
    assert shown == pytest.approx(frames.tuning_maps[:, 4, 3].tolist(), abs=0.006)
    assert code_of(still) == before


def test_the_page_stays_silent_with_every_model_open(page, heard):
    for model in (LIVE, CLOSED, STILL):
        opened(page, model)
    assert [text for text in heard if not text.startswith(("file:", "data:"))] == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_an_explorer(page, theme):
    page.emulate_media(color_scheme=theme)
    for model in (LIVE, STILL):
        opened(page, model)
    options = {"resultTypes": ["violations"]}
    found = axe.Axe().run(page, context="#models", options=options).response
    assert [(v["id"], v["nodes"][0]["html"]) for v in found["violations"]] == []
    assert "color-contrast" in {rule["id"] for rule in found["passes"]}


def test_what_has_the_focus_shows_it(live):
    for selector in (".pad", ".image >> nth=2", ".random", ".controls input >> nth=0"):
        part = live.locator(selector)
        part.focus()
        live.page.keyboard.press("Shift+Tab")
        live.page.keyboard.press("Tab")
        assert part.evaluate("(part) => part === document.activeElement")
        width = part.evaluate("(part) => getComputedStyle(part).outlineWidth")
        assert float(width.removesuffix("px")) >= 2


@pytest.mark.parametrize("width", [390, 320])
def test_a_phone_shows_an_explorer_without_scrolling_sideways(page, width):
    page.set_viewport_size({"width": width, "height": 800})
    for model in (LIVE, STILL):
        part = opened(page, model)
        for locator in part.locator(".view, .pad, .map, .controls label, .image").all():
            box = locator.bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_paper_has_the_sheet(page):
    live = opened(page, LIVE)
    page.emulate_media(media="print")
    assert live.locator(".sheet").is_visible()
    for selector in (".view", ".controls", ".pad", ".image >> nth=0", ".place"):
        assert live.locator(selector).is_hidden()


def test_without_javascript_the_sheet_is_seen(browser, path):
    with browser.new_context(viewport=DESKTOP, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(path.as_uri())
        live = page.locator(LIVE)
        live.locator(":scope > summary").click()
        grid = screen(live.locator(".sheet"))
        for latent, value in ((0, 0), (3, 10), (2, 4)):
            at = (int(grid.width * (value + 0.5) / 11), int(grid.height * (latent + 0.5) / 4))
            assert grid.getpixel(at) == pytest.approx(grey(latent, value), abs=2)
        for selector in (".view", ".controls", ".pad", ".image >> nth=0", ".place"):
            assert live.locator(selector).is_hidden()


def test_older_frames_start_where_a_position_says_and_have_no_images(study, names):
    def shown(**changes):
        frames = {names[0]: replace(study.frames[names[0]], codes=None, **changes)}
        ((model,), _) = shown_models(replace(study, frames=frames))
        return model

    older = shown()
    assert older.decoder is not None
    assert (older.images, older.image_codes) == ("", ())
    centre = study.frames[names[0]].tuning_maps[:, 4, 4]
    assert [latent.start for latent in older.latents] == pytest.approx(centre.tolist(), abs=1e-4)
    # No position, or not that one: nothing is known.
    unknown = np.full_like(study.frames[names[0]].tuning_maps, np.nan)
    for changes in ({"factors": np.array([b"scale"])}, {"tuning_maps": unknown}):
        assert [latent.start for latent in shown(**changes).latents] == [0, 0, 0, 0]


def test_what_a_script_reads_ends_none(study):
    hostile = replace(shown_models(study)[0][0], images="</script><script>alert(1)</script>")
    templates = FileSystemLoader(Path(bench.page.__file__).parent / "templates")
    environment = Environment(loader=templates, autoescape=True)
    page = environment.from_string(
        '{% from "explorer.html" import payload %}{{ payload(model) }}'
    ).render(model=hostile)
    # One with the data, one with the decoder.
    assert page.count("</script>") == page.count("<script") == 2
    body = page.partition(">")[2].partition("</script>")[0]
    assert json.loads(body)["images"] == hostile.images


def test_without_any_decoder_the_first_screen_still_has_a_latent_to_move(browser, study, tmp_path):
    path = written(replace(study, decoders={}), tmp_path)
    with browser.new_context(viewport=DESKTOP) as context:
        page = context.new_page()
        page.goto(path.as_uri())
        page.wait_for_function("() => document.querySelector('.touch .explorer').explorer")
        part = page.locator(".touch")
        for latent, value in ((0, 10), (2, 3)):
            part.locator(".controls input").nth(latent).fill(f"{-3 + 0.6 * value:.1f}")
            assert _shown_grey(part) == pytest.approx(grey(latent, value), abs=1)
