"""Damage on the disk: no flipped bit and no missing end is ever read as a number like any other."""

import json
import logging
import random
import shutil

import pytest

from bench import load_run
from bench.pipeline import run_grid
from bench.store.files import DamagedError
from tests.reliability.tiny import GRID, NOTICED, everything, kinds

pytestmark = pytest.mark.slow
FLIPS, LENGTHS, STARTS = 1000, 20, 20


def _random():
    """Return a new generator; its seed is printed, and pytest shows it where a test fails."""
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    return random.Random(seed)  # noqa: S311


def _flipped(content, position):
    damaged = bytearray(content)
    damaged[position // 8] ^= 1 << position % 8
    return bytes(damaged)


@pytest.fixture
def damage(tiny_store, tmp_path, caplog):
    """Return a copy's kinds of files, and a function that says what of a damaged file was noticed.

    It fails if anything is read that is neither what was written nor known to be damaged.
    """
    folder = tmp_path / "store"
    shutil.copytree(tiny_store, folder)
    caplog.set_level(logging.CRITICAL, "disbench")
    whole = everything(folder)
    assert NOTICED not in whole.values()

    def noticed(path, content):
        original = path.read_bytes()
        path.write_bytes(content)
        found = everything(folder)
        path.write_bytes(original)
        wrong = [key for key, value in found.items() if value not in (NOTICED, whole[key])]
        assert wrong == [], f"{path.relative_to(folder)} was believed"
        return found != whole

    return kinds(folder), noticed


def test_no_flipped_bit_is_read_as_a_number(damage):
    files, noticed = damage
    source = _random()
    for turn in range(FLIPS):
        kind = list(files)[turn % len(files)]
        path = source.choice(files[kind])
        content = path.read_bytes()
        position = source.randrange(8 * len(content))
        flipped = _flipped(content, position)
        if not noticed(path, flipped):
            # It changed nothing: one space for another, or a digit beyond what a double holds.
            assert path.suffix == ".json", path
            assert json.loads(flipped) == json.loads(content)


def test_no_cut_file_is_read_as_a_whole_one(damage):
    files, noticed = damage
    source = _random()
    for paths in files.values():
        path = source.choice(paths)
        content = path.read_bytes()
        # The last byte of JSON is a line break, which nobody misses.
        lengths = {0, 1, len(content) // 2, len(content) - 2}
        while len(lengths) < min(LENGTHS, len(content) - 1):
            lengths.add(source.randrange(len(content) - 1))
        for length in sorted(lengths):
            assert noticed(path, content[:length]), (path, length)


def test_a_damaged_model_is_not_loaded(tiny_store, tmp_path):
    (run, *_) = sorted((tiny_store / "runs").iterdir())
    copy = tmp_path / run.name
    shutil.copytree(run, copy)
    model = copy / "model.pt"
    content = model.read_bytes()
    source = _random()
    for _ in range(20):
        model.write_bytes(_flipped(content, source.randrange(8 * len(content))))
        with pytest.raises(DamagedError, match="does not match its checksum"):
            load_run(copy)


def test_the_next_start_ends_with_the_same_tables(tiny_store, tmp_path, caplog):
    folder = tmp_path / "store"
    shutil.copytree(tiny_store, folder)
    tables = {path.name: path.read_bytes() for path in (folder / "tables").iterdir()}
    source = _random()
    # Four files a start, each of another kind: that is less than a start for every flip.
    for _ in range(STARTS // 4):
        caplog.clear()
        caplog.set_level(logging.INFO, "disbench")
        found = kinds(folder)
        del found["failure"], found["checkpoint"]
        for kind in source.sample(sorted(found), 4):
            path = source.choice(found[kind])
            content = path.read_bytes()
            path.write_bytes(_flipped(content, source.randrange(8 * len(content))))
        before = set((folder / "damaged").glob("*"))
        # Codes and models are read, and found damaged, when something is derived from them: what
        # fails then is made again by the start after.
        starts = iter(range(3))
        while run_grid(GRID, out=folder).failed:
            next(starts)
        aside = set((folder / "damaged").glob("*")) - before
        assert all(place.name in caplog.text for place in aside)
        after = {path.name: path.read_bytes() for path in (folder / "tables").iterdir()}
        assert after == tables
        shutil.copytree(tiny_store / "failures", folder / "failures", dirs_exist_ok=True)
        shutil.copytree(tiny_store / "checkpoints", folder / "checkpoints", dirs_exist_ok=True)
