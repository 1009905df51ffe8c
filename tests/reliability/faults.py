"""Faults at the n-th thing that is asked of the file system."""

from __future__ import annotations

import builtins
import io
import os
from contextlib import contextmanager
from pathlib import Path


class PowerCut(BaseException):
    """From here on nothing is written any more, not even by what cleans up."""


class Faults:
    """Counts calls that write below a folder and lets the n-th fail.

    `error` is an errno, and the call alone fails, half done if it writes, or with `forever` all
    after it that ask for room; None cuts the power: nothing is done any more.
    """

    def __init__(self, folder, n, error, *, forever=False):
        self.folder, self.n, self.error, self.forever = str(folder), n, error, forever
        self.calls = 0
        self.hit = None

    def check(self, name, path):
        """Count a call; raise if its turn has come."""
        if isinstance(path, int):
            path = os.readlink(f"/proc/self/fd/{path}")
        if not os.path.abspath(path).startswith(self.folder):
            return
        self.calls += 1
        if self.calls == self.n:
            self.hit = f"{name} {Path(path).relative_to(self.folder)}"
        if self.error is None and self.calls >= self.n:
            raise PowerCut(self.hit)
        again = self.forever and self.calls > self.n and name in ("open", "write", "mkdir")
        if self.calls == self.n or again:
            raise OSError(self.error, os.strerror(self.error))


class _File:
    """A file whose writes are counted."""

    def __init__(self, file, faults, path):
        self._file, self._faults, self._path = file, faults, path

    def write(self, content):
        try:
            self._faults.check("write", self._path)
        except BaseException:
            self._file.write(content[: len(content) // 2])
            raise
        return self._file.write(content)

    def __getattr__(self, name):
        return getattr(self._file, name)

    def __iter__(self):
        return iter(self._file)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._file.close()


@contextmanager
def faults_at(n, folder, error, monkeypatch, *, forever=False):
    """Let the n-th call below a folder fail while the block runs."""
    faults = Faults(folder, n, error, forever=forever)
    real_open = io.open

    def opened(path, mode="r", *args, **kwargs):
        if not set(mode) & set("wax+"):
            return real_open(path, mode, *args, **kwargs)
        faults.check("open", path)
        return _File(real_open(path, mode, *args, **kwargs), faults, path)

    def counted(name, real):
        def call(path, *args, **kwargs):
            # Folders that are removed as trees come as a name and a descriptor of their parent.
            if kwargs.get("dir_fd") is None:
                faults.check(name, path)
            return real(path, *args, **kwargs)

        return call

    with monkeypatch.context() as patch:
        patch.setattr(io, "open", opened)
        patch.setattr(builtins, "open", opened)
        for name in ("mkdir", "rename", "replace", "unlink", "fsync"):
            patch.setattr(os, name, counted(name, getattr(os, name)))
        yield faults
