"""Progress: one bar on a terminal; in a log a few lines with the time that is left."""

import logging
import re
from contextlib import contextmanager

import pytest

import datasets
from bench.engines import progress as module
from bench.engines.pace import Pace
from bench.engines.progress import aloud, progress
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
    # 60 units took the 60 seconds since the first report, and 1,139 are left.
    assert lines()[0] == "train: 0/2 a loss 5.0, 18:59 left"


def test_work_of_an_earlier_start_does_not_make_this_one_faster(clock, lines):
    with progress("train", ["resumed", "new"], [1000, 1000]) as shown:
        # The first report is of the first step here: 900 are from a checkpoint.
        for step in range(901, 1001):
            clock[0] += 1
            shown.update(0, (step, 5.0))
        clock[0] += 1
        shown.end(0, None)
        clock[0] += 61
        shown.update(1, (1, 5.0))
    assert lines()[0] == "train: 0/2 resumed loss 5.0, 17:19 left"
    # 99 units in 161 seconds, as the second task took its time to start; 999 are left.
    assert lines()[-1] == "train: 1/2 new loss 5.0, 27:04 left"


def test_the_time_left_is_said_once_it_can_be_known(clock, lines, monkeypatch):
    monkeypatch.setattr(module, "LINE_SECONDS", 0.0)
    with progress("train", ["baseline", "model", "broken"], [1, 100, 100]) as shown:
        # A baseline took three seconds: its one unit of 201 says nothing of steps.
        clock[0] += 3
        shown.end(0, None)
        clock[0] += 5
        shown.update(1, (1, 9.0))
        clock[0] += 1
        shown.update(1, (2, 8.0))
        clock[0] += 1
        shown.update(1, (3, 7.0))
        # What failed is not to be done, but was not done either.
        shown.end(2, "it broke")
        clock[0] += 97
        shown.update(1, (100, 6.0, "encoding 10%, 9 s left"))
        shown.end(1, None)
    assert lines() == [
        "train 1/3: baseline: done",
        "train: 1/3 model loss 9.0",
        "train: 1/3 model loss 8.0",
        "train: 1/3 model loss 7.0, 03:17 left",
        "train 2/3 (1 failed): broken: FAILED: it broke, 01:37 left",
        "train: 2/3 (1 failed) model encoding 10%, 9 s left, 00:00 left",
        "train 3/3 (1 failed): model: done, 00:00 left",
    ]


def test_work_that_is_lost_and_done_again_counts_once():
    pace = Pace([10])
    assert [pace.report(0, done) for done in (1, 5, 2, 10)] == [1, 4, -3, 8]
    assert pace.end(0, failed=False) == 0
    assert pace.seconds_left() == 0


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
    first, *_, last = capsys.readouterr().err.strip().split("\r")
    assert re.fullmatch(r"train:   0%\| +\| 0/100 \[\d\d:\d\d\]", first)
    state = r"\[\d\d:\d\d, 01:40 left, 0/1 a loss 5\.0\]"
    assert re.fullmatch(rf"train:  90%\|.+\| 90/100 {state}", last)


@pytest.mark.slow
def test_a_report_says_how_far_it_is(small_store, lines, monkeypatch, capsys):
    monkeypatch.setattr(module, "END_SECONDS", 0.0)
    build(Store(small_store))
    said = [line for line in lines() if line.startswith("report ")]
    ends = [re.fullmatch(r"report (\d+)/(\d+): (\S+): done(, \S+ left)?", line) for line in said]
    assert [int(end[1]) for end in ends] == [*range(1, int(ends[0][2]) + 1)]
    assert (ends[0][3], ends[-1][3], ends[-1][4]) == ("tables", "page", ", 00:00 left")
    # Lines, and nothing of a bar where there is no terminal.
    assert not re.search(r"\r|\d%\|", capsys.readouterr().err)


@contextmanager
def unconfigured():
    """Leave logging as it is where nobody has configured it; pytest has."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logging.getLogger(), "handlers", [])
        log = logging.getLogger("disbench")
        assert (log.handlers, log.level) == ([], logging.NOTSET)
        yield log
        assert (log.handlers, log.level) == ([], logging.NOTSET)


def test_lines_are_printed_where_nobody_has_configured_logging(capsys):
    with unconfigured() as log:
        with aloud():
            with progress("score", ["a"], [1]) as shown:
                shown.end(0, None)
            log.info("and one more")
        assert capsys.readouterr().err == "score 1/1: a: done, 00:00 left\nand one more\n"
        log.info("into the void")
        assert capsys.readouterr().err == ""
        with pytest.raises(ZeroDivisionError), aloud():
            raise ZeroDivisionError


@pytest.mark.parametrize("name", [None, "disbench"])
def test_logging_that_somebody_has_configured_is_left_alone(capsys, tmp_path, name):
    handler = logging.FileHandler(tmp_path / "log")
    with unconfigured() as log:
        logging.getLogger(name).addHandler(handler)
        with aloud(), progress("score", ["a"], [1]) as shown:
            # The level is the user's too: lines of work are below it.
            shown.end(0, None)
            log.warning("take care")
        logging.getLogger(name).removeHandler(handler)
    handler.close()
    assert (tmp_path / "log").read_text() == "take care\n"
    assert capsys.readouterr().err == ""


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
