"""The page's tables in headless Chromium: order, pinned rows, columns, what stays in view."""

import re

import pytest

from bench.analysis.study import Study, load_study
from bench.page.definitions import definitions
from bench.page.render import render
from bench.page.tables import MAX_SHOWN, block_id, summary_tables
from bench.store.store import Store

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")

pytestmark = pytest.mark.slow
BETA_VAE = "beta_vae_score_n_test_100_n_train_200"
TABLE = "#summary .comparison table >> nth=0"


@pytest.fixture(scope="module")
def study(small_store):
    return Study(load_study(Store(small_store)).tables, {})


@pytest.fixture
def page(browser, study, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(render(study, {"name": "small"}, []), encoding="utf-8")
    with browser.new_context(viewport={"width": 700, "height": 500}, has_touch=True) as context:
        tab = context.new_page()
        tab.set_default_timeout(10_000)
        tab.goto(path.as_uri())
        yield tab


def _head(page, name):
    return page.locator(f"{TABLE} >> thead th[data-column={name}]")


def _values(page, name):
    """Return the numbers of a column from the top, None where there is none; and what is pinned."""
    return page.locator(TABLE).evaluate(
        """(table, name) => {
          const heads = [...table.tHead.rows[0].cells];
          const column = heads.findIndex((head) => head.dataset.column === name);
          const rows = [...table.tBodies[0].rows];
          const value = (row) => row.cells[column].dataset.value;
          const numbers = rows.map((row) => (value(row) === undefined ? null : Number(value(row))));
          return [numbers, rows.map((row) => row.classList.contains("pinned"))];
        }""",
        name,
    )


def test_the_first_click_puts_the_best_first_and_the_second_the_worst(page, study):
    better = {name: entry.better for name, entry in definitions(study).items()}
    for name in ("reconstruction", BETA_VAE, "kl"):
        button = _head(page, name).locator("button")
        best_is_low = better[name] != "more"
        for press, ascending in ((button.click, best_is_low), (None, not best_is_low)):
            if press is None:
                button.focus()
                page.keyboard.press("Enter")
            else:
                press()
            numbers, pinned = _values(page, name)
            models = [n for n, free in zip(numbers, pinned, strict=True) if not free]
            assert len(models) == 3
            assert models == sorted(models, reverse=not ascending)
            said = "ascending" if ascending else "descending"
            assert _head(page, name).get_attribute("aria-sort") == said
    assert page.locator(f"{TABLE} >> thead [aria-sort]").count() == 1


def test_baselines_chance_and_ceiling_stay_below_in_their_order(page, study):
    (table,) = summary_tables(study)
    below = [row.label for row in table.rows if row.is_pinned]
    assert below[-2:] == ["codes without information", "perfect codes"]
    assert len(below) == 6
    for name in ("mig_posterior", "kl"):
        for _ in range(2):
            _head(page, name).locator("button").click()
            labels = page.locator(f"{TABLE} >> tbody th").all_inner_texts()
            assert [label.strip() for label in labels][3:] == below


def test_names_sort_as_people_count_and_missing_values_come_last(page):
    rows = page.locator(TABLE).evaluate(
        """(table) => {
          const rows = [...table.tBodies[0].rows].slice(0, 3);
          ["β=16", "β=4", "β=150"].forEach((name, k) => (rows[k].cells[0].textContent = name));
          rows[0].cells[2].textContent = "–";
          delete rows[0].cells[2].dataset.value;
          return rows.length;
        }"""
    )
    assert rows == 3

    def order():
        return page.locator(f"{TABLE} >> tbody th").all_inner_texts()[:3]

    button = page.locator(f"{TABLE} >> thead th button").first
    button.click()
    assert order() == ["β=4", "β=16", "β=150"]
    button.click()
    assert order() == ["β=150", "β=16", "β=4"]
    for _ in range(2):
        page.locator(f"{TABLE} >> thead th:nth-child(3) button").click()
        assert order()[2] == "β=16"


def test_columns_are_chosen_and_every_table_follows(page, study):
    (table,) = summary_tables(study)
    assert len(table.columns) > MAX_SHOWN + 1
    shown = [head.name for head in table.heads if head.shown]
    assert len(shown) == MAX_SHOWN + 1
    assert {"reconstruction", "kl", BETA_VAE, "mig_posterior"} < {*shown}

    def visible(part):
        heads = page.locator(f"{part} .comparison table >> nth=0 >> thead th[data-column]")
        return [head.get_attribute("data-column") for head in heads.all() if head.is_visible()]

    page.locator("#differences > summary").click()
    assert visible("#summary") == shown
    chooser = page.locator("#summary details.columns").first
    summary = chooser.locator("summary")
    assert summary.inner_text() == f"Columns ({len(shown)} of {len(table.columns)})"
    summary.click()
    chooser.get_by_label("UDR").check()
    chooser.get_by_label("KL (nats)").uncheck()
    for part in ("#summary", "#differences"):
        assert "udr" in visible(part)
        assert "kl" not in visible(part)
    cells = page.locator(f"{TABLE} >> tbody tr >> nth=0").locator("td:visible")
    assert cells.count() == len(shown)
    chooser.locator("button").click()
    assert visible("#summary") == [*table.columns]
    page.reload()
    page.locator("#differences > summary").click()
    assert visible("#summary") == shown


def test_what_tells_rows_and_columns_apart_stays_in_view(page):
    page.locator("#summary details.columns summary").first.click()
    page.locator("#summary details.columns button").first.click()
    region = page.locator("#summary .comparison .scroll").first
    region.evaluate("(part) => part.style.maxHeight = '220px'")
    region.scroll_into_view_if_needed()
    frame = region.bounding_box()
    names = ["caption > span", "thead th >> nth=0", "tbody tr >> nth=4 >> th"]
    before = [region.locator(name).bounding_box()["x"] for name in names]
    region.evaluate("(part) => { part.scrollLeft = 400; }")
    assert region.evaluate("(part) => part.scrollLeft") == 400
    assert [region.locator(name).bounding_box()["x"] for name in names] == pytest.approx(before)
    region.evaluate("(part) => { part.scrollTop = 150; }")
    assert region.evaluate("(part) => part.scrollTop") == 150
    heads = region.locator("thead th >> nth=0").bounding_box()
    assert heads["y"] == pytest.approx(frame["y"], abs=2)
    # It covers what goes below it.
    assert region.locator("thead th >> nth=0").evaluate(
        "(head) => { const box = head.getBoundingClientRect(); return head === "
        "document.elementFromPoint(box.x + 4, box.y + 4).closest('th'); }"
    )


def test_tooltips_name_the_column_and_differ(page):
    page.locator("#summary details.columns summary").first.click()
    page.locator("#summary details.columns button").first.click()
    tip = page.locator("#tip")
    texts = {}
    for name in ("mig_histogram", "mig_posterior", "mig_posterior_exclude_position_x"):
        _head(page, name).locator("button").focus()
        texts[name] = tip.inner_text()
    for part in ("infom", "infoe", "infoc"):
        _head(page, f"infomec_{part}").locator("button").hover()
        texts[f"infomec_{part}"] = tip.inner_text()
    for name, text in texts.items():
        title, _, meaning = text.partition("\n")
        assert re.fullmatch(rf"\S.* {name}", title)
        others = [other.partition("\n")[2] for key, other in texts.items() if key != name]
        assert meaning not in others
    page.keyboard.press("Escape")
    assert tip.is_hidden()


def test_tooltips_open_by_touch(page):
    tip = page.locator("#tip")
    for name, title in (("reconstruction", "reconstruction (nats)"), ("kl", "KL (nats)")):
        _head(page, name).locator("button").tap()
        sync_api.expect(tip).to_contain_text(f"{title} {name}")
    page.touchscreen.tap(5, 5)
    sync_api.expect(tip).to_be_hidden()


def test_rows_say_which_model_they_are_and_lead_to_its_block(study):
    (table,) = summary_tables(study)
    runs = study.tables.runs.drop_duplicates("label").set_index("label")
    blocks = {label: block_id(row.group_id, row.precision) for label, row in runs.iterrows()}
    assert {row.label: row.block for row in table.rows if row.block} == blocks
    text = render(study, None, [])
    for label, block in blocks.items():
        # Baselines have no block.
        is_model = not runs.loc[label, "kind"].startswith("baseline_")
        assert (f'<th scope="row"><a href="#{block}">' in text) == is_model
        assert (f'id="{block}"' in text) == is_model
