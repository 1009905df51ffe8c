"""A tab for the tests of pages, in the browser that there is.

A module gives `path`, the page that its tests open, each anew in one tab.
"""

import pytest

DESKTOP = {"width": 1280, "height": 900}


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
