"""Progress: one bar on a terminal; in a log a few lines with the time that is left."""

import logging
import re

import pytest

import datasets
from bench.engines import progress as module
from bench.engines.progress import progress
from bench.grid.packs import Pack
from bench.grid.specs import SPEC_ADAPTER
from bench.report import build
from bench.store.store import Store
from bench.training.context import Context
from bench.training.train import train


@pytest.fixture
def clock(monkeypatch):
    """Return a clock that tests move by hand."""
    now = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.INFO, logger="disbench")
    return lambda: [record.getMessage() for record in caplog.records]


def test_a_log_hears_of_work_once_a_minute_with_the_time_left(clock, lines):
    with progress("train", ["a", "b"], [600, 600]) as shown:
        for step in range(1, 301):
            clock[0] += 1
            shown.update(0, (step, 5.0))
    assert len(lines()) == 4
    # 61 of 1,200 units took 61 seconds.
    assert lines()[0] == "train: 0/2 a loss 5.0, 18:59 left"


def test_thousands_of_small_tasks_do_not_fill_a_log(clock, lines):
    with progress("score", ["x"] * 1000, [1] * 1000) as shown:
        for position in range(1000):
            clock[0] += 0.01
            shown.end(position, "it broke" if position == 500 else None)
    said = lines()
    assert len(said) <= 7
    assert sum("FAILED: it broke" in line for line in said) == 1
    assert said[-1].startswith("score 1000/1000")
    assert said[-1].endswith("x: done, 00:00 left")


def test_a_terminal_has_a_bar_and_no_lines_of_work(clock, lines, monkeypatch, capsys):
    monkeypatch.setattr(module.sys.stderr, "isatty", lambda: True, raising=False)
    with progress("train", ["a"], [100]) as shown:
        for step in range(0, 100, 10):
            clock[0] += 100
            shown.update(0, (step, 5.0))
    assert lines() == []
    assert "train:" in capsys.readouterr().err


@pytest.mark.slow
def test_a_report_says_how_far_it_is(small_store, lines, monkeypatch, capsys):
    monkeypatch.setattr(module, "END_SECONDS", 0.0)
    build(Store(small_store))
    said = [line for line in lines() if line.startswith("report ")]
    ends = [re.fullmatch(r"report (\d+)/(\d+): (\S+): done, (\S+) left", line) for line in said]
    assert [int(end[1]) for end in ends] == [*range(1, int(ends[0][2]) + 1)]
    assert (ends[0][3], ends[-1][3], ends[-1][4]) == ("tables", "page", "00:00")
    # Lines, and nothing of a bar where there is no terminal.
    assert not re.search(r"\r|\d%\|", capsys.readouterr().err)


def test_a_log_hears_how_far_the_encoding_of_a_trained_model_is(clock, lines):
    with progress("train", ["a"], [600]) as shown:
        clock[0] += 61
        shown.update(0, (600, 5.0, "encoding 40%, 53 s left"))
    assert lines()[0].startswith("train: 0/1 a encoding 40%, 53 s left")


def test_a_trained_model_tells_how_far_it_is_encoded():
    told = []
    spec = {"kind": "vae", "dataset": {"name": "ball"}, "steps": 1, "batch_size": 8}
    pack = Pack((SPEC_ADAPTER.validate_python(spec),))
    list(train(pack, datasets.load("ball"), Context(lambda *what: told.append(what))))
    stages = [stage for _, _, *after in told for stage in after]
    # 1,024 images, 128 at a time.
    assert [stage.split(",")[0] for stage in stages] == [
        f"encoding {share}" for share in ("12%", "25%", "38%", "50%", "62%", "75%", "88%", "100%")
    ]
    assert all(done == 1 for done, *_ in told)
