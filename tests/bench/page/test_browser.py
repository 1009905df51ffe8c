"""The page in headless Chromium: sorting, filters, keyboard, both themes, paper, phone."""

import re
from dataclasses import replace
from itertools import islice

import pandas as pd
import pytest

from bench.analysis.study import load_study
from bench.page.render import render
from bench.plots import draw_all, svg_text
from bench.store.store import Store
from tests.bench.page.conftest import DESKTOP

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-core")

pytestmark = pytest.mark.slow
SUMMARY = "#summary > .comparison:first-child table"


@pytest.fixture(scope="module")
def study(small_store):
    found = load_study(Store(small_store))
    summary = found.tables.summary
    others = summary[summary["kind"] != "capacity_vae"]
    others = others.assign(dataset="dsprites", group_id="d" + others["group_id"])
    failures = pd.DataFrame(
        [{"run_id": "f", "dataset": "ball", "kind": "vae", "seed": 9, "label": "VAE"}]
    ).assign(reason="loss is NaN")
    tables = replace(found.tables, summary=pd.concat([summary, others]), failures=failures)
    return replace(found, tables=tables)


@pytest.fixture(scope="module")
def path(study, tmp_path_factory):
    drawings = [
        (info.name, drawn, svg_text(drawn.figure)) for info, drawn in islice(draw_all(study), 2)
    ]
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(render(study, {"name": "small"}, drawings), encoding="utf-8")
    return path


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
    page.locator("#differences > summary").click()
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
    page.locator("#runs > summary").click()
    names = _column(page, "#run-table", 1)
    assert names == study.tables.runs["label"].tolist()
    page.locator("#filter").fill("beta_vae β=4")
    left = _column(page, "#run-table", 1)
    chosen = study.tables.runs["kind"] == "beta_vae"
    assert left == study.tables.runs.loc[chosen, "label"].tolist()
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


def test_the_keyboard_reaches_the_findings_first(page):
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "overview"


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


def test_paper_is_black_on_white(page):
    page.emulate_media(media="print", color_scheme="dark")
    assert page.locator("nav").is_hidden()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_without_javascript_the_page_is_whole(browser, path):
    with browser.new_context(viewport=DESKTOP, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(path.as_uri())
        for selector in ("#choices", "p.filter"):
            assert page.locator(selector).is_hidden()
        # Headings lead to what they mean.
        link = page.locator("#summary th a").first
        target = link.get_attribute("href")
        title = page.locator(f"[id='{target[1:]}']").text_content()
        assert title == f"{link.inner_text()} {target.removeprefix('#metric-')}"
