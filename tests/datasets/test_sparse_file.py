"""An official file of 12.7 GB, of which almost nothing is on the disk, in little memory."""

from __future__ import annotations

import io
import math
import os
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DISBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


MEMORY = """
import re, sys
from pathlib import Path
import numpy as np
from datasets import load

data = load("mpi3d_toy", path=sys.argv[1])
rng = np.random.default_rng(0)
assert data.fingerprint
for _ in range(200):
    images = data.images(rng.integers(0, len(data), 64))
assert images.shape == (64, 3, 64, 64)
assert data.images([0, len(data) - 1]).tolist()[1][2][63][63] == 7
# Of this program alone: what getrusage says begins with the process that it was forked from.
print(int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024)
"""


def zeros_crc(n: int, crc: int = 0) -> int:
    piece = bytes(2**24)
    for start in range(0, n, len(piece)):
        crc = zlib.crc32(piece[: min(len(piece), n - start)], crc)
    return crc


def write_sparse_mpi3d(path: Path) -> None:
    """Write an official file of 12.7 GB that is black but for its last byte, and takes no room."""
    header = io.BytesIO()
    shape = (1_036_800, 64, 64, 3)
    declared = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, declared)
    start, n = header.getvalue(), math.prod(shape)
    crc = zlib.crc32(b"\7", zeros_crc(n - 1, zlib.crc32(start)))
    size = len(start) + n
    name = b"images.npy"
    extra = struct.pack("<HHQQ", 1, 16, size, size)
    most = 2**32 - 1
    local = struct.pack("<4s5H3L2H", b"PK\3\4", 45, 0, 0, 0, 0, crc, most, most, 10, 20)
    central = struct.pack(
        "<4s6H3L5H2L", b"PK\1\2", 45, 45, 0, 0, 0, 0, crc, most, most, 10, 20, 0, 0, 0, 0, 0
    )
    with path.open("wb") as stream:
        stream.write(local + name + extra + start)
        stream.seek(n - 1, os.SEEK_CUR)
        stream.write(b"\7")
        place = stream.tell()
        stream.write(central + name + extra)
        length = stream.tell() - place
        end = stream.tell()
        stream.write(
            struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, length, place)
            + struct.pack("<4sLQL", b"PK\6\7", 0, end, 1)
            + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, length, most, 0)
        )


@pytest.mark.endurance
def test_twelve_gigabytes_take_little_memory(tmp_path, cache):
    path = tmp_path / "mpi3d_toy.npz"
    write_sparse_mpi3d(path)
    assert path.stat().st_size > 12.7e9
    if path.stat().st_blocks * 512 > 2**20:
        path.unlink()
        pytest.skip("this file system has no sparse files")
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["images.npy"]
    command = [sys.executable, "-c", MEMORY, str(path)]
    try:
        done = subprocess.run(
            command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=280
        )
    finally:
        path.unlink()
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 500
    assert not list(cache.glob("*.raw"))
