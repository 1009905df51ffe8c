"""How the page is read: its first screen, its contents, its folds, two models side by side."""

import pytest

from bench.plots import draw_all, svg_text
from tests.bench.page.conftest import DESKTOP
from tests.bench.page.explorers import explorer_study, written

pytestmark = pytest.mark.slow
SCREENS = 10


@pytest.fixture(scope="module")
def study(small_store):
    return explorer_study(small_store)


@pytest.fixture(scope="module")
def path(study, tmp_path_factory):
    drawings = [(info.name, drawn, svg_text(drawn.figure)) for info, drawn in draw_all(study)]
    return written(study, tmp_path_factory.mktemp("page"), drawings)


def _blocks(page):
    return page.locator("details.model")


def _wait_until_open(page, target):
    """Wait until what a link leads to is unfolded: the browser says where it leads afterwards."""
    page.wait_for_function(
        "(target) => (({tagName, open}) => tagName !== 'DETAILS' || open)"
        "(document.querySelector(target))",
        arg=target,
    )


def test_the_first_screen_has_the_findings_and_a_latent_to_move(page):
    for selector in ("h1", ".lead", ".findings > p >> nth=0", ".touch input >> nth=0"):
        box = page.locator(selector).bounding_box()
        assert 0 <= box["y"] < box["y"] + box["height"] <= DESKTOP["height"]


@pytest.mark.parametrize("width", [1400, 390])
def test_before_anything_is_unfolded_the_page_is_short(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollHeight") < SCREENS * 900


def test_contents_stay_in_view_and_open_what_is_folded(page):
    links = page.locator(".contents a")
    for i in range(links.count()):
        links.nth(i).click()
        _wait_until_open(page, links.nth(i).get_attribute("href"))
        box = page.locator(".contents").bounding_box()
        assert 0 <= box["y"] < DESKTOP["height"]
    # What is read is marked.
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_function(
        "() => document.querySelector('.contents [aria-current]').hash === '#overview'"
    )


def test_a_link_opens_its_target_a_second_time_too(page):
    link = page.locator(".contents a[href='#runs']")
    for _ in range(2):
        link.click()
        _wait_until_open(page, "#runs")
        page.locator("#runs > summary").click()
        assert not page.locator("#runs").evaluate("(part) => part.open")


def test_an_address_leads_into_a_folded_part(page, path):
    page.goto(f"{path.as_uri()}#metric-mig_histogram")
    assert page.locator("[id='metric-mig_histogram']").is_visible()


def test_every_model_has_one_block_with_its_pictures_and_scores(page, study):
    runs = study.tables.runs
    models = runs[~runs["kind"].str.startswith("baseline")]
    assert _blocks(page).count() == models["group_id"].nunique()
    block = _blocks(page).first
    assert block.locator("input[type=range] >> nth=0").is_hidden()
    block.locator(":scope > summary").click()
    assert block.locator("input[type=range] >> nth=0").is_visible()
    assert block.locator(".drawn svg >> nth=0").is_visible()
    assert block.locator(".own-scores [data-metric=mig_histogram]").is_visible()


def test_two_models_stand_side_by_side_with_their_differences(page, study):
    first, second = (page.locator(f"#compare [data-side='{side}']") for side in (0, 1))
    ids = [_blocks(page).nth(i).get_attribute("id") for i in (0, 1)]
    first.select_option(ids[0])
    assert page.locator("#side-by-side").is_hidden()
    second.select_option(ids[1])
    sides = page.locator("#side-by-side .side")
    assert sides.count() == 2
    left, right = (sides.nth(i).bounding_box() for i in (0, 1))
    assert left["y"] == right["y"]
    assert left["x"] + left["width"] <= right["x"]
    assert sides.nth(0).locator("input[type=range] >> nth=0").is_visible()
    runs = study.tables.runs
    mig = [
        runs[runs["group_id"] == name.removeprefix("model-")].set_index("seed")["mig_histogram"]
        for name in ids
    ]
    row = page.locator("#side-by-side > .scroll tbody tr", has_text="MIG (histogram)")
    cells = row.locator("td").all_inner_texts()
    # Below a mean stands its range.
    assert all("range" in text for text in cells[:2])
    texts = [text.replace("−", "-").split("\n")[0] for text in cells]
    means = [float(text) for text in texts[:3]]
    assert page.locator("#side-by-side .own-scores:visible").count() == 0
    expected = [mig[0].mean(), mig[1].mean(), mig[1].mean() - mig[0].mean()]
    # A mean as in every table, to a thousandth.
    assert means[:2] == pytest.approx(expected[:2], abs=0.0006)
    assert means[2] == pytest.approx(expected[2], rel=0.006)
    pairs = mig[1] - mig[0]
    low, high = texts[3].removesuffix(" (2 pairs)").split(" to ")
    assert (float(low), float(high)) == pytest.approx((pairs.min(), pairs.max()), rel=0.006)
    # The same model twice is no comparison, and everything goes back to where it was.
    second.select_option(ids[0])
    assert page.locator("#side-by-side").is_hidden()
    assert [_blocks(page).nth(i).locator(".body").count() for i in (0, 1)] == [1, 1]


def test_a_block_that_is_being_compared_leads_to_the_comparison(page):
    ids = [_blocks(page).nth(i).get_attribute("id") for i in (0, 1)]
    for side, name in enumerate(ids):
        page.locator(f"#compare [data-side='{side}']").select_option(name)
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    _blocks(page).first.locator(":scope > summary").click()
    page.wait_for_function(
        "() => document.getElementById('side-by-side').getBoundingClientRect().top < innerHeight"
    )
    page.locator("#compare .close").click()
    assert page.locator("#side-by-side").is_hidden()
    block = _blocks(page).first
    if not block.evaluate("(part) => part.open"):
        block.locator(":scope > summary").click()
    assert block.locator(".own-scores").is_visible()


def test_side_by_side_stacks_on_a_phone(page):
    page.set_viewport_size({"width": 390, "height": 800})
    for side in (0, 1):
        name = _blocks(page).nth(side).get_attribute("id")
        page.locator(f"#compare [data-side='{side}']").select_option(name)
    top, bottom = (page.locator(".side").nth(i).bounding_box() for i in (0, 1))
    assert top["y"] + top["height"] <= bottom["y"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_paper_has_everything_unfolded_and_afterwards_it_is_as_before(page):
    before = page.locator("details[open]").count()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details[open]").count() == before
