"""The cache: written whole or not at all, verified, drawn once, shared; or done without."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from datasets._cache import cache_folder, stored_bits
from datasets._damaged import CorruptFileError

ROOT = Path(__file__).parents[2]
SHAPE = (100, 8)
CONTENT = np.random.default_rng(0).integers(0, 256, SHAPE, np.uint8)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Drawing:
    """Counts how often it is drawn."""

    def __init__(self):
        self.count = 0

    def __call__(self, out):
        self.count += 1
        out[:] = CONTENT


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("DISBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(params=[SHA256, None], ids=["known checksum", "own checksum"])
def sha256(request):
    return request.param


def test_drawn_once_then_mapped(folder, sha256):
    draw = Drawing()
    for _ in range(3):
        array = stored_bits("set", SHAPE, draw, sha256)
        np.testing.assert_array_equal(array, CONTENT)
        assert isinstance(array.base, np.memmap) or isinstance(array, np.memmap)
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    assert draw.count == 1
    assert {p.name for p in folder.iterdir()} == {"set.npy", "set.sha256", "set.lock"}


@pytest.mark.parametrize(
    "damage", ["flip", "truncate", "empty", "header", "no checksum", "other shape"]
)
def test_damaged_file_is_made_again(folder, sha256, damage):
    draw = Drawing()
    stored_bits("set", SHAPE, draw, sha256)
    path = folder / "set.npy"
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[-100] ^= 4
    if damage == "truncate":
        content = content[:-300]
    if damage == "empty":
        content = bytearray()
    if damage == "header":
        content = content.replace(b"(100, ", b"((100, ")
    if damage == "no checksum":
        (folder / "set.sha256").write_text("nonsense\n")
    path.unlink()
    path.write_bytes(content)
    if damage == "other shape":
        np.save(path, CONTENT[:50])
    np.testing.assert_array_equal(stored_bits("set", SHAPE, draw, sha256), CONTENT)
    assert draw.count == (1 if damage == "no checksum" and sha256 else 2)
    stored_bits("set", SHAPE, draw, sha256)
    assert draw.count == (1 if damage == "no checksum" and sha256 else 2)


@pytest.mark.parametrize("suffix", [".npy", ".sha256", ".lock"])
@pytest.mark.parametrize("planted", ["pipe", "link", "endless"])
@pytest.mark.filterwarnings("ignore:cannot write the cache folder")
def test_what_was_planted_is_neither_waited_for_nor_followed(folder, sha256, suffix, planted):
    folder.mkdir()
    precious = folder.parent / "precious"
    precious.write_text("somebody's")
    place = folder / f"set{suffix}"
    if planted == "pipe":
        os.mkfifo(place)
    else:
        place.symlink_to(precious if planted == "link" else "/dev/zero")
    np.testing.assert_array_equal(stored_bits("set", SHAPE, Drawing(), sha256), CONTENT)
    assert precious.read_text() == "somebody's"


def test_failure_leaves_nothing(folder, sha256):
    def fail(out):
        out[:10] = CONTENT[:10]
        raise RuntimeError("interrupted")

    with pytest.raises(RuntimeError, match="interrupted"):
        stored_bits("set", SHAPE, fail, sha256)
    assert {p.name for p in folder.iterdir()} <= {"set.lock"}
    np.testing.assert_array_equal(stored_bits("set", SHAPE, Drawing(), sha256), CONTENT)


def test_wrong_arithmetic_is_refused(folder):
    with pytest.raises(CorruptFileError, match="arithmetic differs"):
        stored_bits("set", SHAPE, Drawing(), "0" * 64)
    assert {p.name for p in folder.iterdir()} <= {"set.lock"}


def test_folder_that_cannot_be_written(tmp_path, monkeypatch, sha256):
    blocked = tmp_path / "file" / "cache"
    (tmp_path / "file").write_text("a file where the folder's parent should be")
    monkeypatch.setenv("DISBENCH_CACHE", str(blocked))
    with pytest.warns(UserWarning, match=r"file/cache.*DISBENCH_CACHE"):
        array = stored_bits("set", SHAPE, Drawing(), sha256)
    np.testing.assert_array_equal(array, CONTENT)
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1


def test_default_folder(monkeypatch):
    monkeypatch.delenv("DISBENCH_CACHE", raising=False)
    assert cache_folder().name == "disbench"


SCRIPT = """
import os, sys, time
import numpy as np
from datasets._cache import digest_of, stored_bits

log, start = sys.argv[1], float(sys.argv[2])

def fill(out):
    with open(log, "a") as stream:
        stream.write("drawn\\n")
    time.sleep(0.5)
    out[:] = np.arange(out.size, dtype=np.uint8).reshape(out.shape)

time.sleep(max(0, start - time.time()))
print(digest_of(stored_bits("set", (1000, 64), fill)))
"""


def test_many_processes_draw_once(folder, tmp_path):
    import time

    log = tmp_path / "log"
    start = str(time.time() + 1.5)  # all are up by then, and begin together
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(log), start],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(5)
    ]
    answers = {process.communicate(timeout=60)[0] for process in processes}
    assert all(process.returncode == 0 for process in processes)
    expected = np.arange(64_000, dtype=np.uint8)
    assert answers == {hashlib.sha256(expected).hexdigest() + "\n"}
    assert log.read_text() == "drawn\n"


def test_killed_process_leaves_no_lock(folder):
    script = "import os\nfrom datasets._cache import stored_bits\n"
    script += "stored_bits('set', (100, 8), lambda out: os._exit(9))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, timeout=60)
    assert done.returncode == 9
    np.testing.assert_array_equal(stored_bits("set", SHAPE, Drawing(), SHA256), CONTENT)
