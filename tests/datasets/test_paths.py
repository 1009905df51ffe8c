"""Paths that lead to no file: one clear line for each, and no wait."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from datasets import from_file, load, resolve
from datasets._cache import cache_folder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    os.mkfifo("pipe.npz")
    Path("folder.npz").mkdir()
    Path("device.npz").symlink_to("/dev/zero")
    Path("loop.npz").symlink_to("loop.npz")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.npz")
        yield tmp_path


# What is named, and what the message says of it.
BAD = {
    "pipe.npz": "is a pipe, socket or device; name a file",
    "socket.npz": "is a pipe, socket or device; name a file",
    "device.npz": "is a pipe, socket or device; name a file",
    "folder.npz": "is a folder; name a file",
    "loop.npz": "cannot be read: Too many levels of symbolic links",
    "~nosuchuser/mine.npz": "there is no such home folder; write the path out",
    "nul\0.npz": "has a NUL character",
    "nul\0" * 100: "has a NUL character",
    "surrogate\udcff.npz": "is not valid Unicode",
    "": "an empty text is no path",
    f"{'x' * 300}.npz": "File name too long",
    "missing.npz": "there is no file .*missing.npz",
    "new\nline.npz": r"there is no file .*new\\nline.npz",
    "folder.npz/missing.npz": "there is no file",
}


@pytest.mark.parametrize("path", BAD)
def test_a_path_to_no_file_is_refused_in_a_line(folder, path):
    options = {"path": path}
    message = BAD[path]
    for read in (
        lambda: from_file(path),
        lambda: load("file", **options),
        lambda: resolve("file", options),
    ):
        with pytest.raises((ValueError, FileNotFoundError), match=message) as refused:
            read()
        assert str(refused.value).isprintable()
        assert "option 'path'" in str(refused.value)
        assert len(str(refused.value)) < 400


@pytest.mark.parametrize("path", sorted(set(BAD) - {"", "loop.npz"}))
def test_an_official_file_that_is_none_is_refused_in_a_line(folder, path):
    expected = BAD[path].replace("there is no file", "no official dSprites file at")
    with pytest.raises((ValueError, FileNotFoundError), match=expected) as refused:
        resolve("dsprites", {"source": "official", "path": path})
    assert str(refused.value).isprintable()


def test_a_relative_path_is_one_file_wherever_one_stands(own_file, monkeypatch):
    monkeypatch.chdir(own_file.parent)
    for path in ("own.npz", "./own.npz", str(own_file)):
        assert resolve("file", {"path": path}) == {"path": str(own_file)}


def test_a_cache_folder_that_is_none(monkeypatch):
    monkeypatch.setenv("DISBENCH_CACHE", "~nosuchuser/cache")
    with pytest.raises(ValueError, match="DISBENCH_CACHE: ~nosuchuser/cache: there is no such"):
        cache_folder()
