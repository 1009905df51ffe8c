"""What a job of Slurm does, in this process."""

import os
import signal
import threading
import time

import pytest

from bench.engines import stopping
from bench.engines.slurm.job import work
from bench.engines.slurm.post import Post
from bench.store.store import Store
from tests.reliability import tasks


@pytest.fixture
def post(tmp_path):
    Store(tmp_path, create=True)
    with stopping.kept():
        yield Post.open(tmp_path)
        signal.signal(signal.SIGUSR2, signal.SIG_DFL)


def test_it_says_what_it_has_and_answers(post, tmp_path):
    work(post, tmp_path, tasks.refuse, 0.0, "7", [(3, "a"), (5, "refuse"), (6, "b")])
    ((label, said),) = post.news("begun")
    assert label == "7"
    assert said.keys() == {"node", "versions", "ours"}
    found = dict(post.news("answer"))
    assert found["3"] == ("answer", "a")
    assert found["5"][0] == "raised"
    assert str(found["5"][1]) == "no: cannot be written"
    assert found["6"] == ("answer", "b")
    assert dict(post.news("answer")) == {}


def test_one_that_slurm_starts_again_answers_only_what_is_left(post, tmp_path):
    post.put("answer", "0", ("answer", "before"))
    work(post, tmp_path, tasks.add, 0.0, "7", [(0, 1), (1, 1)])
    assert dict(post.news("answer")) == {"0": ("answer", "before"), "1": ("answer", 2)}


@pytest.mark.parametrize("number", [signal.SIGUSR2, signal.SIGTERM])
def test_it_ends_without_an_answer_when_slurm_asks_it_to(post, tmp_path, capsys, number):
    threading.Timer(0.2, os.kill, (os.getpid(), number)).start()
    with pytest.raises(SystemExit) as ended:
        work(post, tmp_path, tasks.sleep, 0.0, "7", [(0, 0.0), (1, 60)])
    assert ended.value.code == 128 + number
    assert capsys.readouterr().out == f"stopped by {signal.Signals(number).name}\n"
    assert dict(post.news("answer")) == {"0": ("answer", 0.0)}


def test_it_ends_when_nobody_waits_for_it(post, tmp_path):
    for path in post.folder.iterdir():
        path.rename(tmp_path / path.name)
    with pytest.raises(SystemExit):
        work(post, tmp_path, tasks.add, 0.0, "7", [(0, 1)])


def test_progress_comes_no_more_often_than_it_should(post, tmp_path):
    release = tmp_path / "release"
    threading.Timer(0.5, release.touch).start()
    began = time.monotonic()
    work(post, tmp_path, tasks.count, 60.0, "7", [(0, (1, str(release)))])
    assert time.monotonic() - began < 30
    assert dict(post.progress()) == {"0": (1, 1)}
    assert dict(post.progress()) == {}
