"""Shapes3D (Burgess and Kim 2018): a shape in a room, six factors, in colour."""

from __future__ import annotations

from ._base import FactorDataset
from ._grid_file import PATH, GridFile, Layout
from ._registry import DatasetInfo, Values
from ._sources import Remote, Source

_SHA256 = "0a0f6ed98baff276a50f3a081a7434d788da63cb135a98189b2a5b5769be1785"
_URL = "https://storage.googleapis.com/3d-shapes/3dshapes.h5"
LAYOUT = Layout(
    Source(
        "shapes3d",
        "Shapes3D",
        "3dshapes.h5",
        "https://github.com/google-deepmind/3d-shapes",
        (Remote(_URL, f"sha256:{_SHA256}"),),
    ),
    ("floor_hue", "wall_hue", "object_hue", "scale", "shape", "orientation"),
    (10, 10, 10, 8, 4, 15),
    labels="labels",
)


class Shapes3D(GridFile):
    """All 480,000 images of Shapes3D, from the official `3dshapes.h5`.

    The file is compressed: it is unpacked once into the cache folder, 5.9 GB.

    Notes
    -----
    Source: Burgess and Kim, *3D Shapes Dataset*, https://github.com/google-deepmind/3d-shapes.

    Examples
    --------
    >>> from datasets import restore
    >>> shapes = restore("shapes3d", {})  # `load` would ask for the file at once
    >>> len(shapes), shapes.image_shape, shapes.factors([479999]).tolist()
    (480000, (3, 64, 64), [[9, 9, 9, 7, 3, 14]])
    """


def _load(values: Values, options: Values) -> FactorDataset:
    return Shapes3D(LAYOUT, values, options)


def _check(values: Values) -> None:
    LAYOUT.check(values)


INFO = DatasetInfo(
    "shapes3d",
    "a shape in a room: hues of floor, wall and object, scale, shape, orientation; official file",
    {"path": PATH},
    _load,
    check=_check,
    download=LAYOUT.source.download,
)
