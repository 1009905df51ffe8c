"""Pages in a browser: python -m benchmarks.page report.html [...].

Size, and what somebody waits for: until the page has loaded, until the table of all runs is open,
until it is sorted anew by its last column, until it is filtered. From the click until the browser
has drawn, in headless Chromium, each page opened three times; the medians.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

REPEATS = 3
# Two frames: the first is drawn after the change, the second tells that it was.
DRAWN = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
OPEN = "document.querySelector('#runs').open = true"
SORT = "[...document.querySelectorAll('#run-table th button')].at(-1).click()"
FILTER = (
    "{ const box = document.getElementById('filter'); box.value = '7';"
    " box.dispatchEvent(new Event('input')); }"
)


def timed(page: Page, action: str) -> float:
    """Return the seconds from an action until the browser has drawn."""
    started = time.monotonic()
    page.evaluate(action)
    page.evaluate(DRAWN)
    return time.monotonic() - started


def measure(page: Page, path: Path) -> list[float]:
    """Return the seconds of opening, unfolding, sorting and filtering."""
    started = time.monotonic()
    page.goto(path.resolve().as_uri())
    page.evaluate(DRAWN)
    opened = time.monotonic() - started
    return [opened, *(timed(page, action) for action in (OPEN, SORT, FILTER))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pages", type=Path, nargs="+")
    options = parser.parse_args()
    print("| page | runs | MB | open (s) | unfold runs (s) | sort (s) | filter (s) |")
    print("|---|---|---|---|---|---|---|")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        for path in options.pages:
            page = browser.new_page()
            rounds = [measure(page, path) for _ in range(REPEATS)]
            seconds = " | ".join(
                f"{statistics.median(part):.2f}" for part in zip(*rounds, strict=True)
            )
            runs = page.locator("#run-table tbody tr").count()
            megabytes = path.stat().st_size / 1e6
            print(f"| {path.parent.name} | {runs:,} | {megabytes:.1f} | {seconds} |")
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
