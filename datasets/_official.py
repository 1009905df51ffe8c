"""The official dSprites file: find, verify, read without unpickling, download on request."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._cache import cache_folder, file_digest, open_bits, stored_bits
from ._damaged import CorruptFileError, remedied
from ._draw import BYTES_PER_IMAGE, N_IMAGES
from ._paths import expanded, is_regular, present, shown
from ._sources import Remote, fetch

STEM = "dsprites_ndarray_co1sh3sc6or40x32y32_64x64"
COMMIT = "fa310c66517cfc1939d77fe17c725154efc97127"
URL = f"https://github.com/google-deepmind/dsprites-dataset/raw/{COMMIT}/"
# The published checksums; for the npz no SHA-256 is published.
CHECKSUMS = {
    ".npz": ("sha1", "3e0a46a9238e425f46a6ef9e9bdfd7cedb35d50f"),
    ".hdf5": ("sha256", "729fa22e884c9c500e1f17415d580746b4c5894fbbb780a1319bbcfa39a745bb"),
}
_CACHED = "dsprites-official"
_CHUNK = 4096


def remedy() -> str:
    """Say where the official file belongs, and what to do without it."""
    return (
        f"put {STEM}.npz (or .hdf5) from {URL} into {cache_folder()}, or give its place by the "
        "option path, or run 'disbench datasets download dsprites' where there is a network; "
        'or use source="render", which draws the same set'
    )


def _places(path: str | None) -> list[Path]:
    if path:
        return [expanded(path, "dsprites: option 'path'")]
    return [cache_folder() / f"{STEM}{ending}" for ending in CHECKSUMS]


def check_there(path: str | None) -> None:
    """Refuse an official file that is not there, without reading it; see `verified`."""
    if path:
        _check_named(_places(path)[0])
    elif not any(map(is_regular, [*_places(None), cache_folder() / f"{_CACHED}.npy"])):
        raise FileNotFoundError(f"no official dSprites file at {_places(None)[0]}: {remedy()}")


def _check_named(path: Path) -> str:
    """Return the ending that says what the file is, or raise."""
    try:
        present(path, "dsprites: option 'path'")
    except FileNotFoundError:
        reason = f"no official dSprites file at {shown(path)}: {remedy()}"
        raise FileNotFoundError(reason) from None
    ending = ".hdf5" if path.suffix in (".h5", ".hdf5") else path.suffix
    if ending not in CHECKSUMS:
        raise CorruptFileError(
            f"{shown(path)}: the official dSprites file ends in .npz or .hdf5; {remedy()}"
        )
    return ending


def find_official(path: str | None) -> Path | None:
    """Return the official file if there is a sound one: at `path`, or in the cache folder."""
    for place in _places(path):
        try:
            return verified(place)
        except (OSError, ValueError):
            continue
    return None


def verified(path: Path) -> Path:
    """Return `path` back if it is the official file, else raise.

    Raises
    ------
    FileNotFoundError
        No such file.
    CorruptFileError
        Another ending, or another checksum: truncated, damaged, or another file.
    """
    algorithm, expected = CHECKSUMS[_check_named(path)]
    digest = file_digest(path, algorithm)
    if digest != expected:
        raise CorruptFileError(
            f"{path} is not the official dSprites file: its {algorithm.upper()} is {digest}, not "
            f"{expected} (incomplete, damaged, or another version). Remove it and {remedy()}"
        )
    return path


@cache
def official_bits(folder: str, path: str | None) -> NDArray[np.uint8]:
    """Return the official images as packed bits, converted once into `folder`, the cache."""
    shape = (N_IMAGES, BYTES_PER_IMAGE)
    if path is None:
        # Converted on an earlier day from a verified file, which may have been removed since.
        converted = open_bits(Path(folder) / f"{_CACHED}.npy", shape)
        if converted is not None:
            return converted
    places = _places(path)
    there = [place for place in places if is_regular(place)]
    source = find_official(path) or verified((there or places)[0])  # verified says what is wrong
    return stored_bits(_CACHED, shape, lambda out: read_packed(source, out))


def read_packed(path: Path, out: NDArray[np.uint8]) -> None:
    """Pack the images of an .npz or .hdf5 file into `out`, uint8 (n, bytes), piece by piece.

    Raises
    ------
    CorruptFileError
        Damaged, or an array `imgs` of another shape, type or content than 0 and 1.
    """
    with remedied(remedy):
        try:
            _read_npz(path, out) if path.suffix == ".npz" else _read_hdf5(path, out)
        except (OSError, zipfile.BadZipFile, EOFError, KeyError) as error:
            raise CorruptFileError(f"{path} cannot be read as dSprites: {error}") from error


def _read_npz(path: Path, out: NDArray[np.uint8]) -> None:
    # The images are 3 GB unpacked: the member is read as a stream instead of by np.load. The
    # pickled member `metadata` is never touched.
    with zipfile.ZipFile(path) as archive, archive.open("imgs.npy") as stream:
        version = np.lib.format.read_magic(stream)
        if version != (1, 0):
            raise CorruptFileError(f"{path}: imgs has .npy version {version}, expected (1, 0)")
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
        _check_array(path, shape, dtype, out)
        if fortran:
            raise CorruptFileError(f"{path}: imgs is stored in column order, expected row order")
        pixels = int(np.prod(shape[1:]))

        def piece(start: int, stop: int) -> NDArray[np.uint8]:
            content = stream.read((stop - start) * pixels)
            if len(content) < (stop - start) * pixels:
                raise CorruptFileError(f"{path}: imgs ends before its {len(out)} images")
            return np.frombuffer(content, np.uint8)

        _pack(path, piece, out)


def _read_hdf5(path: Path, out: NDArray[np.uint8]) -> None:
    import h5py

    with h5py.File(path, "r") as file:
        images = file["imgs"]
        _check_array(path, images.shape, images.dtype, out)
        _pack(path, lambda start, stop: images[start:stop], out)


def _check_array(path: Path, shape: tuple[int, ...], dtype: Any, out: NDArray[np.uint8]) -> None:
    wanted = (len(out), 64, 64)
    if tuple(shape) != wanted or dtype != np.uint8:
        raise CorruptFileError(f"{path}: imgs is {dtype} {tuple(shape)}, expected uint8 {wanted}")


def _pack(
    path: Path, piece: Callable[[int, int], NDArray[np.uint8]], out: NDArray[np.uint8]
) -> None:
    for start in range(0, len(out), _CHUNK):
        stop = min(start + _CHUNK, len(out))
        pixels = piece(start, stop).reshape(stop - start, -1)
        if pixels.max() > 1:
            raise CorruptFileError(f"{path}: imgs has values above 1, expected only 0 and 1")
        out[start:stop] = np.packbits(pixels, axis=1)


def download() -> Path:
    """Download the official npz into the cache folder, verified; return its path.

    Raises
    ------
    OSError
        No network, or another content: nothing is kept. The message names the remedy.
    """
    remote = Remote(f"{URL}{STEM}.npz", ":".join(CHECKSUMS[".npz"]))
    return fetch(remote, cache_folder(), "the official dSprites file", remedy())
