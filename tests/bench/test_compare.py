"""`bench.report A B --out D`: a page of several folders, which are only read."""

import os
import shutil
from itertools import islice

import pandas as pd
import pytest

from bench import report
from bench.plots import draw_all
from bench.report import compare, main
from bench.store.files import read_json
from bench.store.folder import LockedError, StoreError
from bench.store.report_folder import ReportFolder
from bench.store.store import Store
from tests.bench.folders import contents, copied, manifests

BOARD = "board"


def _is(seed):
    return lambda run: run.spec.seed == seed


@pytest.fixture
def folders(small_store, tmp_path):
    """Return two output folders of two people, whose seeds are the other's repetitions."""
    return [copied(small_store, tmp_path / name, _is(k)) for k, name in enumerate("ab")]


def _run(*arguments):
    return main([str(argument) for argument in arguments])


def _derived(folder):
    paths = [folder / "report.html", *folder.glob("tables/*"), *folder.glob("figures/*")]
    return {path.relative_to(folder): path.read_bytes() for path in sorted(paths)}


def test_a_page_of_two_folders(folders, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(report, "draw_all", lambda study: islice(draw_all(study), 4))
    before = [contents(folder) for folder in folders]
    out = tmp_path / BOARD
    assert _run(*folders, "--out", out) == 0
    assert capsys.readouterr().out == f"report: {out / 'report.html'}\n"
    assert [contents(folder) for folder in folders] == before
    assert {path.name for path in out.iterdir()} == {
        *("report.html", "report.json", "tables", "figures", ".lock")
    }
    text = (out / "report.html").read_text()
    assert "<title>a and b · disbench</title>" in text
    a, b = (len(Store(folder).runs()) for folder in folders)
    assert f"a ({a} runs), b ({b} runs)" in text
    assert "Seeds of a and b are pooled: VAE, β-VAE β=4, capacity γ=100 C=5." in text
    assert str(tmp_path) not in text
    runs = pd.read_csv(out / "tables" / "runs.csv")
    assert set(runs["folder"]) == {"a", "b"}
    assert len(list((out / "figures").iterdir())) == 4
    first = _derived(out)
    (out / "figures" / "gone.svg").write_text("of a run that is gone")
    (out / "notes.txt").write_text("mine")
    assert _run(*folders, "--out", out) == 0
    assert _derived(out) == first
    assert (out / "notes.txt").read_text() == "mine"


def test_the_page_of_one_folder_elsewhere_is_its_own(small_store, tmp_path, no_figures):
    copy = shutil.copytree(small_store, tmp_path / "copy")
    assert _run(copy) == 0
    assert _run(copy, "--out", tmp_path / BOARD) == 0
    own, elsewhere = _derived(copy), _derived(tmp_path / BOARD)
    own = {path: text for path, text in own.items() if path.parts[0] != "figures"}
    assert elsewhere == own


def test_the_title_is_what_one_says(folders, tmp_path, no_figures):
    title = "Ball <b>&\x1b board"
    assert _run(*folders, "--out", tmp_path / BOARD, "--title", title) == 0
    text = (tmp_path / BOARD / "report.html").read_text()
    assert "<title>Ball &lt;b&gt;&amp;\\x1b board · disbench</title>" in text
    assert "<b>&" not in text
    assert _run(folders[0], "--title", "Mine") == 0
    assert "<title>Mine · disbench</title>" in (folders[0] / "report.html").read_text()


def test_a_copy_without_its_grid_is_called_by_its_folder(small_store, tmp_path, no_figures):
    copy = shutil.copytree(small_store, tmp_path / "spring <i>")
    (copy / "grid.json").unlink()
    assert _run(copy) == 0
    assert "<h1>spring &lt;i&gt;</h1>" in (copy / "report.html").read_text()


def test_several_folders_need_a_folder_of_their_own(folders, capsys):
    before = [contents(folder) for folder in folders]
    assert _run(*folders) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: --out: several folders are compared in a report of their own")
    assert said.count("\n") == 1
    assert [contents(folder) for folder in folders] == before


def _own(folders, tmp_path):
    return folders[1]


def _inside(folders, tmp_path):
    return folders[0] / "page"


def _inside_runs(folders, tmp_path):
    return next((folders[1] / "runs").iterdir()) / "x" / "y"


def _around(folders, tmp_path):
    return tmp_path


def _another_store(folders, tmp_path):
    Store(tmp_path / "third", create=True)
    return tmp_path / "third"


def _inside_another(folders, tmp_path):
    return _another_store(folders, tmp_path) / "page"


def _by_a_link(folders, tmp_path):
    (tmp_path / "link").symlink_to(folders[0])
    return tmp_path / "link" / "page"


def _foreign(folders, tmp_path):
    (tmp_path / "site" / "tables").mkdir(parents=True)
    (tmp_path / "site" / "tables" / "runs.csv").write_text("theirs")
    return tmp_path / "site"


def _foreign_marked(folders, tmp_path):
    folder = _foreign(folders, tmp_path)
    (folder / "report.json").write_text("{}")
    return folder


def _a_file(folders, tmp_path):
    (tmp_path / "file").write_text("")
    return tmp_path / "file"


def _below_a_file(folders, tmp_path):
    return _a_file(folders, tmp_path) / "page"


def _in_a_circle(folders, tmp_path):
    (tmp_path / "circle").symlink_to("circle")
    return tmp_path / "circle"


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (_own, "is one of the folders to compare; name another --out"),
        (_inside, "is inside an output folder; name an --out outside of it"),
        (_inside_runs, "is inside an output folder; name an --out outside of it"),
        (_around, "holds folders to compare; name another --out"),
        (_another_store, "is an output folder with runs; name another --out"),
        (_inside_another, "is inside an output folder; name an --out outside of it"),
        (_by_a_link, "is inside an output folder; name an --out outside of it"),
        (_foreign, "holds files that bench.report did not make; name a new folder with --out"),
        (_foreign_marked, "holds files that bench.report did not make"),
        (_a_file, "cannot hold a report: "),
        (_below_a_file, "cannot hold a report: "),
        (_in_a_circle, "cannot hold a report: "),
    ],
)
def test_a_place_that_is_not_free_is_refused_untouched(folders, tmp_path, capsys, place, said):
    out = place(folders, tmp_path)
    before = contents(tmp_path)
    assert _run(*folders, "--out", out) == 2
    line = capsys.readouterr().err
    assert line.startswith(f"error: {out}: ")
    assert said in line
    assert line.count("\n") == 1
    assert contents(tmp_path) == before


def test_a_link_in_the_place_leads_nowhere(folders, tmp_path, capsys, no_figures):
    out = tmp_path / BOARD
    ReportFolder(out, [])
    (out / "tables").symlink_to(tmp_path / "theirs")
    assert _run(*folders, "--out", out) == 2
    assert "tables: is a link" in capsys.readouterr().err
    assert not (tmp_path / "theirs").exists()


def test_what_a_killed_first_start_leaves_is_no_obstacle(folders, tmp_path):
    out = tmp_path / BOARD
    out.mkdir()
    (out / ".report.json.123.0123abcd").write_text("{")
    with ReportFolder(out, folders).lock():
        assert [path.name for path in out.iterdir() if path.name != ".lock"] == ["report.json"]
    assert read_json(out / "report.json") == {"software": "disbench", "holds": "report"}


def test_one_report_at_a_time(folders, tmp_path):
    with ReportFolder(tmp_path / BOARD, folders).lock(), pytest.raises(LockedError, match="in use"):
        compare(folders, tmp_path / BOARD)


@pytest.mark.parametrize("bad", ["missing", "foreign"])
def test_what_is_no_output_folder_is_named(folders, tmp_path, capsys, bad):
    (tmp_path / "foreign").mkdir()
    assert _run(folders[0], tmp_path / bad, "--out", tmp_path / BOARD) == 2
    assert (
        f"error: {tmp_path / bad}: is not an output folder of disbench" in capsys.readouterr().err
    )
    assert _run(folders[0], folders[0], "--out", tmp_path / BOARD) == 2
    assert "is the same folder as" in capsys.readouterr().err
    assert not (tmp_path / BOARD).exists()


def test_a_folder_that_is_being_written_can_be_read(folders, tmp_path, no_figures):
    running = folders[1]
    staged = running / ".staging" / "0123456789abcdef.1.00000000"
    staged.mkdir(parents=True)
    (staged / "latents.h5").write_bytes(b"half")
    (running / "runs" / ".half").mkdir()
    (running / "scores" / ".x.json.1.00000000").write_text("{")
    with Store(running).lock():
        # What its driver may be writing now.
        staged.mkdir(parents=True, exist_ok=True)
        (running / "scores" / ".y.json.1.00000000").write_text("{")
        before = contents(running)
        assert _run(*folders, "--out", tmp_path / BOARD) == 0
        assert contents(running) == before
        with pytest.raises(LockedError), Store(running).lock():
            pass
    runs = pd.read_csv(tmp_path / BOARD / "tables" / "runs.csv")
    assert len(runs) == len(Store(folders[0]).runs()) + len(Store(running).runs())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_can_be_read(folders, tmp_path, no_figures):
    theirs = [path for path in (folders[0], *folders[0].rglob("*")) if path.is_dir()]
    for path in theirs:
        path.chmod(0o555)
    try:
        assert _run(*folders, "--out", tmp_path / BOARD) == 0
        assert _run(folders[0], "--out", tmp_path / "alone") == 0
        assert _run(folders[0]) == 2
    finally:
        for path in theirs:
            path.chmod(0o755)


def test_nothing_is_opened_for_writing_but_the_report(folders, tmp_path, monkeypatch, no_figures):
    written = []
    opened, made = os.open, os.mkdir

    def watched(path, flags, *rest, **options):
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC):
            written.append(str(path))
        return opened(path, flags, *rest, **options)

    def watched_made(path, *rest, **options):
        written.append(str(path))
        return made(path, *rest, **options)

    monkeypatch.setattr(os, "open", watched)
    monkeypatch.setattr(os, "mkdir", watched_made)
    assert _run(*folders, "--out", tmp_path / BOARD) == 0
    assert written
    theirs = tuple(f"{folder}/" for folder in folders)
    assert not [path for path in written if f"{path}/".startswith(theirs)]


@pytest.mark.parametrize(
    "names",
    [
        ("<script>alert(1)</script>".replace("/", ""), "=cmd|' calc'!A0"),
        ("$x_1^2$", "\\textbf{b} & 100% #1 ~_{}"),
        ("{label}{0}", "{% raw %}{{ 7*7 }}"),
        ("line\nbreak\x1b[2J", "x" * 200),
        (os.fsdecode(b"\xff\xfe"), "\u202egnp.exe"),
    ],
)
def test_names_that_are_anybodys_break_nothing(small_store, tmp_path, names, monkeypatch):
    monkeypatch.setattr(report, "draw_all", lambda study: islice(draw_all(study), 1))
    folders = [copied(small_store, tmp_path / name, _is(k)) for k, name in enumerate(names)]
    # Names stand in labels too where folders have other images.
    manifests(folders[1], lambda body: body["dataset"].update(fingerprint="ball/1/other"))
    assert _run(*folders, "--out", tmp_path / BOARD) == 0
    text = (tmp_path / BOARD / "report.html").read_text(encoding="utf-8")
    assert text.count("<script>") == 1
    assert "\x1b" not in text
    assert "\u202e" not in text
    runs = (tmp_path / BOARD / "tables" / "runs.csv").read_text(encoding="utf-8")
    assert "\n=" not in runs
    assert ",=" not in runs
    assert "49" not in {*pd.read_csv(tmp_path / BOARD / "tables" / "runs.csv")["folder"]}


def test_a_damaged_mark_is_no_mark(tmp_path):
    out = tmp_path / BOARD
    ReportFolder(out, [])
    (out / "report.json").write_text("{")
    with pytest.raises(StoreError, match="did not make"):
        ReportFolder(out, [])
