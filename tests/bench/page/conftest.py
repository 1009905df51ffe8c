"""A browser for the tests of pages; where there is none they are skipped.

A module gives `path`, the page that its tests open, each anew in one tab.
"""

import shutil

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DESKTOP = {"width": 1280, "height": 900}


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    if CHROMIUM is None:
        pytest.skip("needs chromium on the PATH")
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
