"""The page in headless Chromium: sliders, sorting, filters, keyboard, both themes, paper, phone.

Every picture of a traversal is one grey of its own here, so that what a slider shows is known to
the pixel. All tests share a browser; where there is none they are skipped.
"""

import io
import re
import shutil
from dataclasses import replace
from itertools import islice

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bench.analysis.study import Study, load_study
from bench.page.render import render
from bench.plots import draw_all, svg_text
from bench.store.store import Store

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-core")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium on the PATH"),
]
DESKTOP = {"width": 1280, "height": 900}
# The first model on the page that has a map of codes; it is the one that is open.
MODEL = "details.model[open]"
SUMMARY = "#choices + .comparison table"


def _grey(latent, value):
    return 20 + 5 * (11 * latent + value)


def _known_frames(frames):
    """Return frames whose traversals are flat greys, and a position without an image."""
    traversals = np.zeros_like(frames.traversals)
    for latent, value in np.ndindex(traversals.shape[:2]):
        traversals[latent, value] = _grey(latent, value)
    maps = frames.tuning_maps.copy()
    maps[:, 0, 0] = np.nan
    # A code, so that the model is not called collapsed.
    return replace(frames, traversals=traversals, tuning_maps=maps, kl=frames.kl + 1)


@pytest.fixture(scope="module")
def study(small_store):
    found = load_study(Store(small_store))
    summary = found.tables.summary
    others = summary[summary["kind"] != "capacity_vae"].assign(dataset="dsprites")
    failures = pd.DataFrame(
        [{"run_id": "f", "dataset": "ball", "kind": "vae", "seed": 9, "label": "VAE"}]
    ).assign(reason="loss is NaN")
    tables = replace(found.tables, summary=pd.concat([summary, others]), failures=failures)
    return Study(tables, {name: _known_frames(frames) for name, frames in found.frames.items()})


@pytest.fixture(scope="module")
def path(study, tmp_path_factory):
    drawings = [
        (info.name, drawn, svg_text(drawn.figure)) for info, drawn in islice(draw_all(study), 2)
    ]
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(render(study, {"name": "small"}, drawings), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield started
        started.close()


@pytest.fixture(scope="module")
def heard():
    """Return what the page says on its console and asks for; both stay empty."""
    return []


@pytest.fixture(scope="module")
def tab(browser, path, heard):
    with browser.new_context(viewport=DESKTOP) as context:
        tab = context.new_page()
        tab.set_default_timeout(10_000)
        tab.on("console", lambda message: heard.append(message.text))
        tab.on("pageerror", lambda error: heard.append(str(error)))
        tab.on("request", lambda request: heard.append(request.url))
        yield tab


@pytest.fixture
def page(tab, path, heard):
    """Return the page, opened anew, and see to it that it stays silent."""
    tab.set_viewport_size(DESKTOP)
    tab.emulate_media(media="screen", color_scheme="light")
    tab.goto(path.as_uri())
    yield tab
    outside = [text for text in heard if text != path.as_uri() and not text.startswith("data:")]
    heard.clear()
    assert outside == []


def _shown_grey(page, selector=f"{MODEL} .view"):
    with Image.open(io.BytesIO(page.locator(selector).screenshot())) as image:
        return image.convert("L").getpixel((image.width // 2, image.height // 2))


def _column(page, table, n):
    """Return the cells of the visible rows, in the order on the screen."""
    cells = page.locator(f"{table} tbody tr:not([hidden]) > :nth-child({n})")
    return [text.split("\n")[0].strip() for text in cells.all_inner_texts()]


def test_the_page_is_silent_and_what_it_would_ask_is_stopped(page, heard):
    page.evaluate("document.querySelectorAll('details').forEach((part) => (part.open = true))")
    page.wait_for_timeout(100)
    assert [text for text in heard if not text.startswith(("file:", "data:"))] == []
    # This shows that it would be heard: the page's policy refuses it, aloud.
    page.evaluate("fetch('http://127.0.0.1:9/').catch(() => null)")
    page.wait_for_timeout(200)
    assert any("Content Security Policy" in text for text in heard)
    heard.clear()


def test_sliders_are_sorted_by_kl_and_change_the_image(page):
    kl = [float(t) for t in page.locator(f"{MODEL} .controls small").all_inner_texts()]
    assert kl == sorted(kl, reverse=True)
    sliders = page.locator(f"{MODEL} .controls input")
    assert sliders.count() == len(kl) == 4
    for latent, value in ((0, 0), (0, 10), (3, 7), (1, 2)):
        sliders.nth(latent).fill(str(value))
        assert _shown_grey(page) == pytest.approx(_grey(latent, value), abs=1)
    # The others went back to the middle.
    assert [sliders.nth(i).input_value() for i in range(4)] == ["5", "2", "5", "5"]
    assert sliders.nth(1).get_attribute("aria-valuetext") == "−1.8"


def test_a_slider_moves_by_keyboard(page):
    slider = page.locator(f"{MODEL} .controls input").nth(2)
    slider.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert _shown_grey(page) == pytest.approx(_grey(2, 7), abs=1)


def test_a_traversal_plays_and_stops(page):
    play = page.locator(f"{MODEL} .play")
    play.click()
    known = {_grey(latent, value) for latent in range(4) for value in range(11)}
    seen = set()
    # However slow the machine is: what plays shows one picture after the other.
    for _ in range(50):
        page.wait_for_timeout(100)
        seen.add(_shown_grey(page))
        if len(seen) >= 4:
            break
    assert play.inner_text() == "Stop"
    assert len(seen) >= 4
    assert seen <= known
    play.click()
    after = _shown_grey(page)
    page.wait_for_timeout(300)
    assert (_shown_grey(page), play.inner_text()) == (after, "Play")


def test_a_click_on_a_position_of_the_ball_shows_its_code(page, study):
    run = next(run for run in study.tables.runs["run_id"] if run in study.frames)
    frames = study.frames[run]
    size = frames.tuning_maps.shape[1]
    canvas = page.locator(f"{MODEL} canvas")
    output = page.locator(f"{MODEL} output")
    box = canvas.bounding_box()
    for x, y in ((1, 5), (size - 1, 2)):
        place = {"x": (x + 0.5) * box["width"] / size, "y": (y + 0.5) * box["height"] / size}
        canvas.click(position=place)
        text = output.inner_text().replace("−", "-")
        assert text.startswith(f"Position {x}, {y}: ")
        shown = dict(re.findall(r"z(\d+) (-?\d+\.\d+)", text))
        assert [int(name) for name in shown] == frames.latents.tolist()
        assert [float(value) for value in shown.values()] == pytest.approx(
            frames.tuning_maps[:, y, x].tolist(), abs=0.006
        )
    # By keyboard, to where no image was evaluated.
    for axis in ("x", "y"):
        page.locator(f"{MODEL} [data-axis={axis}]").focus()
        page.keyboard.press("Home")
    assert output.inner_text() == "Position 0, 0: no image evaluated"


def test_sorting_sorts_and_says_so(page):
    heads = page.locator(f"{SUMMARY} thead th")
    names = [text.replace("\n", " ").strip() for text in heads.all_inner_texts()]
    column = names.index("reconstruction (nats)") + 1
    button = page.locator(f"{SUMMARY} thead th:nth-child({column}) button")
    button.click()
    shown = _column(page, SUMMARY, column)[:3]
    known = [float(text) for text in shown if text != "–"]
    assert len(known) == 3
    assert known == sorted(known)
    assert heads.nth(column - 1).get_attribute("aria-sort") == "ascending"
    button.focus()
    page.keyboard.press("Enter")
    shown = _column(page, SUMMARY, column)[:3]
    assert [float(text) for text in shown] == sorted(known, reverse=True)
    assert heads.nth(column - 1).get_attribute("aria-sort") == "descending"


def test_comparison_tables_are_filtered_by_dataset_and_kind(page):
    tables = page.locator("#summary .comparison:visible caption")
    before = tables.all_inner_texts()
    names = [text.split("\n")[0].strip() for text in before]
    assert len(before) == 2
    page.locator("#choices [data-of=kinds]").select_option("beta_vae")
    assert _column(page, SUMMARY, 1) == ["β-VAE β=4"]
    assert _column(page, "#differences table", 1) == ["β-VAE β=4"]
    # The second dataset has no such model: its table has nothing left to show.
    page.locator("#choices [data-of=kinds]").select_option("capacity_vae")
    assert tables.all_inner_texts() == before[:1]
    page.locator("#choices [data-of=kinds]").select_option("")
    page.locator("#choices [data-of=datasets]").select_option(names[1])
    assert tables.all_inner_texts() == before[1:]
    assert page.locator("#differences .comparison:visible").count() == 0


def test_runs_are_filtered_by_words_and_tell_their_details(page, study):
    names = _column(page, "#run-table", 1)
    assert names == study.tables.runs["run_id"].tolist()
    page.locator("#filter").fill("beta_vae β=4")
    left = _column(page, "#run-table", 1)
    chosen = study.tables.runs["kind"] == "beta_vae"
    assert left == study.tables.runs.loc[chosen, "run_id"].tolist()
    assert page.locator("#found").inner_text() == f"{len(left)} of {len(names)}"
    page.locator("#run-table tbody tr:not([hidden]) summary").first.click()
    details = page.locator("#run-table details[open] small").inner_text()
    assert re.search(r"beta 4\b.*\nKL of latents in nats: z\d", details)


def test_what_a_metric_means_is_one_hover_one_tap_or_one_tab_away(page):
    tip = page.locator("#tip")
    button = page.locator("#summary th button[data-metric=mig_histogram]").first
    assert tip.is_hidden()
    button.hover()
    text = tip.inner_text()
    assert text.startswith("MIG (histogram) mig_histogram")
    assert "Range: 0 to 1" in text
    assert "higher is better" in text
    page.keyboard.press("Escape")
    assert tip.is_hidden()
    page.mouse.move(0, 0)
    button.focus()
    assert tip.is_visible()
    described = button.get_attribute("aria-describedby")
    assert page.locator(f"#{described}").inner_text() in text
    button.evaluate("(button) => button.blur()")
    tip.wait_for(state="hidden")
    button.click()
    assert tip.is_visible()


def test_the_keyboard_reaches_the_summary_first(page):
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    top = page.locator("#summary").bounding_box()["y"]
    assert abs(top) < 50


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_either_theme(page, theme):
    page.emulate_media(color_scheme=theme)
    page.evaluate("document.querySelectorAll('details').forEach((part) => (part.open = true))")
    page.locator("#summary th button[data-metric]").first.hover()
    found = axe.Axe().run(page, options={"resultTypes": ["violations"]}).response
    assert [(v["id"], v["nodes"][0]["html"]) for v in found["violations"]] == []
    # Contrast can be judged only where pixels can: it was.
    assert "color-contrast" in {rule["id"] for rule in found["passes"]}
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(21, 24, 28)"
    assert dark == (theme == "dark")


@pytest.mark.parametrize("width", [400, 320])
def test_a_phone_shows_the_page_without_scrolling_sideways(page, width):
    page.set_viewport_size({"width": width, "height": 800})
    page.evaluate("document.querySelectorAll('details').forEach((part) => (part.open = true))")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # Tables do scroll, within themselves.
    region = page.locator("#run-table").locator("xpath=..")
    assert region.evaluate("(part) => part.scrollWidth > part.clientWidth")


def test_paper_has_the_grid_of_images_in_black_on_white(page):
    page.emulate_media(media="print", color_scheme="dark")
    assert page.locator(f"{MODEL} .sheet").is_visible()
    for selector in (".view", ".controls", ".place"):
        assert page.locator(f"{MODEL} {selector}").is_hidden()
    assert page.locator("nav").is_hidden()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_without_javascript_there_is_a_still_grid(browser, path):
    with browser.new_context(viewport=DESKTOP, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(path.as_uri())
        with Image.open(io.BytesIO(page.locator(f"{MODEL} .sheet").screenshot())) as image:
            grid = image.convert("L")
        for latent, value in ((0, 0), (3, 10), (2, 4)):
            at = (
                int(grid.width * (value + 0.5) / 11),
                int(grid.height * (latent + 0.5) / 4),
            )
            assert grid.getpixel(at) == pytest.approx(_grey(latent, value), abs=2)
        for selector in (f"{MODEL} .controls", f"{MODEL} .place", "#choices", "p.filter"):
            assert page.locator(selector).is_hidden()
        # Headings lead to what they mean.
        link = page.locator("#summary th a").first
        target = link.get_attribute("href")
        title = page.locator(f"[id='{target[1:]}']").inner_text()
        assert title == f"{link.inner_text()} {target.removeprefix('#metric-')}"
