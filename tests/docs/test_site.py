"""The documentation site: built strictly, and in headless Chromium it asks nobody for anything."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration
ROOT = Path(__file__).resolve().parents[2]
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pytest.importorskip("mkdocs", reason="needs MkDocs: pip install 'disbench[integration]'")
    folder = tmp_path_factory.mktemp("site")
    answer = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    return folder


@pytest.fixture
def tab(browser):
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        tab = context.new_page()
        tab.set_default_timeout(10_000)
        yield tab


def _pages(site):
    return sorted(path for path in site.rglob("*.html") if path.name != "404.html")


def test_every_document_is_a_page(site):
    names = {path.relative_to(site).with_suffix("").as_posix() for path in _pages(site)}
    documents = ROOT / "docs"
    listed = [*documents.rglob("*.md"), *documents.rglob("*.ipynb")]
    assert names == {path.relative_to(documents).with_suffix("").as_posix() for path in listed}
    assert not [*site.rglob("*.py*")]


def test_what_others_have_made_is_passed_on_with_its_licence(site):
    folder = site / "_site"
    theirs = [*folder.glob("*.js"), *folder.glob("*.woff2")]
    assert len(theirs) == 2
    for path in theirs:
        licence = path.with_suffix(".LICENSE.txt").read_text(encoding="utf-8")
        assert licence.startswith(f"{path.name}: ")
        assert "Copyright" in licence
        assert "Permission is hereby granted, free of charge" in licence


def test_what_decorators_add_is_in_the_api(site):
    text = (site / "api" / "metrics.html").read_text(encoding="utf-8")
    section = text[text.index('id="metrics.mig.mig"') :][:20_000]
    assert "bootstrap" in section
    assert "factor_bins" in section


def test_a_command_does_not_hide_the_function_of_its_name(site):
    text = (site / "api" / "bench.html").read_text(encoding="utf-8")
    assert 'id="bench.score.score"' in text
    assert 'id="bench.score.main"' not in text


def test_no_page_asks_for_anything_outside(site, tab):
    asked = []
    tab.on("request", lambda request: asked.append(request.url))
    errors = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    for path in _pages(site):
        tab.goto(path.as_uri())
    # A search reads the index, which is where a worker's script would be fetched.
    tab.keyboard.press("/")
    tab.keyboard.type("trustworthiness")
    tab.locator(".md-search-result__item a").first.wait_for()
    assert len(asked) > len(_pages(site))
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert errors == []


def test_formulas_are_drawn_by_the_browser_in_the_font_that_is_there(site, tab):
    tab.goto((site / "formulas.html").as_uri())
    assert tab.locator("math").count() > 50
    assert tab.locator(".arithmatex").count() == 0
    assert tab.evaluate("document.fonts.check('16px \"STIX Two Math\"')")
    assert tab.evaluate("[...document.fonts].some((font) => font.status === 'loaded')")


def test_no_page_is_wider_than_a_phone(site, tab):
    tab.set_viewport_size(PHONE)
    widths = {}
    for path in _pages(site):
        tab.goto(path.as_uri())
        widths[path.name] = tab.evaluate("document.documentElement.scrollWidth")
    assert {name: width for name, width in widths.items() if width > PHONE["width"]} == {}


def test_the_notebook_is_a_page_with_its_outputs(site, tab):
    tab.goto((site / "score_your_codes.html").as_uri())
    tab.locator("article table").first.wait_for()
    picture = tab.locator("article img")
    assert picture.evaluate("(image) => image.naturalWidth") > 300
    # What a cell warned of would have the paths of whoever built the site.
    assert str(ROOT) not in tab.content()
    assert sys.prefix not in tab.content()
