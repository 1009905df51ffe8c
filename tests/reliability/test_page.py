"""The page in a browser: whatever the names in a study, nothing of them runs or is asked for."""

import re
import shutil
import subprocess
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pandas as pd
import pytest

from bench.analysis.study import load_study
from bench.page.render import render
from bench.store.store import Store
from bench.tables.csv import write_tables

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
# A hang limit, far above what anything here takes.
HANG = 120


@pytest.fixture
def server():
    """Yield an address that payloads ask for, and the list of what was asked."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}", asked
        running.shutdown()


def _payloads(address):
    mark = "document.documentElement.setAttribute('data-pwned',1)"
    return [
        f"<script>{mark}</script>",
        f'"><img src={address}/a onerror="{mark}">',
        f'\'><svg onload="{mark}"><image href={address}/b /></svg>',
        f"</style><style>@import url({address}/c);body{{background:url({address}/d)}}</style>",
        f'<a href="javascript:{mark}">x</a><iframe src="javascript:{mark}"></iframe>',
        f"</script><script>{mark}</script>",
        f"<base href={address}/><link rel=stylesheet href={address}/e>",
        f'<meta http-equiv=refresh content="0;url={address}/f">',
        "{{ 7 * 7 }}{% raw %}&lt;script&gt;",
        f"--><form action={address}/g><input autofocus onfocus={mark}></form>",
    ]


def _hostile(study, payloads):
    """Return a study with the payloads wherever somebody's text may be."""
    text = " ".join(payloads)
    runs, scores = study.tables.runs, study.tables.scores
    failures = pd.DataFrame(
        {"run_id": p, "dataset": p, "kind": "vae", "seed": 0, "label": p, "reason": p}
        for p in payloads
    )
    scores = scores.assign(reason=text, value=np.nan, warnings=[[text]] * len(scores))
    variants = study.tables.variants.assign(metric=text)
    # Two definitions at least make a table.
    variants["label"] = [f"{i} {text}" for i in range(len(variants))]
    tables = replace(
        study.tables,
        runs=runs.assign(label=text, dataset=text),
        summary=study.tables.summary.assign(label=text, dataset=text),
        differences=study.tables.differences.assign(label=text, dataset=text),
        scores=scores,
        variants=variants,
        failures=failures,
        provenance=study.tables.provenance.assign(device=text, fingerprint=text, code=text),
    )
    return replace(study, tables=tables)


@pytest.fixture
def opened(tmp_path):
    """Return a function that opens a page in a browser and gives what became of it."""
    if CHROMIUM is None:
        pytest.skip("needs chromium")

    def open_page(text):
        path = tmp_path / "page.html"
        path.write_text(text, encoding="utf-8")
        command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
        command += [f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=3000"]
        done = subprocess.run(
            [*command, path.as_uri()], capture_output=True, text=True, timeout=HANG, check=True
        )
        return done.stdout

    return open_page


@pytest.mark.slow
def test_nothing_hostile_runs_or_is_asked_for(tiny_store, opened, server):
    address, asked = server
    payloads = _payloads(address)
    study = _hostile(load_study(Store(tiny_store)), payloads)
    text = render(study, {"name": " ".join(payloads)}, [])
    assert text.count("<script>") == 1
    whole = opened(text)
    assert asked == []
    assert "data-pwned" not in whole.partition(">")[2][:200]
    assert not re.search(r"<html[^>]*data-pwned", whole)
    # The page's own script ran all the same: headings are buttons.
    assert '<button type="button">Model</button>' in whole
    # Every payload is there, as text.
    assert "&lt;script&gt;document.documentElement" in whole


@pytest.mark.slow
def test_the_policy_stops_what_escaping_did_not(tiny_store, opened, server):
    """Payloads are put into the page raw, as if escaping had failed."""
    address, asked = server
    text = render(load_study(Store(tiny_store)), {"name": "g"}, [])
    raw = [p for p in _payloads(address) if "refresh" not in p and "-->" not in p]
    whole = opened(text.replace("<main>", f"<main>{' '.join(raw)}", 1))
    assert asked == []
    assert not re.search(r"<html[^>]*data-pwned", whole)
    # This shows that they are live: without the policy they run.
    free = re.sub(r"<meta http-equiv=.Content-Security-Policy.*?>", "", text)
    whole = opened(free.replace("<main>", f"<main>{' '.join(raw)}", 1))
    assert re.search(r"<html[^>]*data-pwned", whole)
    assert asked


def test_cells_of_tables_are_no_formulas_and_numbers_are_exact(tiny_store, tmp_path):
    store = Store(tmp_path / "store", create=True)
    study = load_study(Store(tiny_store))
    texts = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "-", "plain\r, with 'marks\"\nand lines"]
    failures = pd.DataFrame(
        {"run_id": t, "dataset": t, "kind": "vae", "seed": 0, "label": t, "reason": t}
        for t in texts
    )
    rng = np.random.default_rng(0)
    numbers = np.frombuffer(rng.bytes(8 * len(study.tables.runs)), np.float64)
    numbers = np.where(np.isfinite(numbers), numbers, -1 / 3)
    runs = study.tables.runs.assign(reconstruction=numbers)
    write_tables(store, replace(study.tables, failures=failures, runs=runs))
    read = pd.read_csv(store.folder / "tables" / "failures.csv", dtype=str)
    expected = [t.replace("\r", "\\r") if t.startswith("plain") else f"'{t}" for t in texts]
    assert read["reason"].tolist() == expected
    assert read["label"].tolist() == expected
    read = pd.read_csv(store.folder / "tables" / "runs.csv", dtype=str)
    assert read["reconstruction"].astype("float64").tolist() == numbers.tolist()
