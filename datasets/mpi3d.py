"""MPI3D (Gondal et al. 2019): a robot's arm with an object, rendered twice and photographed."""

from __future__ import annotations

from functools import partial

from ._base import FactorDataset
from ._grid_file import PATH, GridFile, Layout
from ._registry import DatasetInfo, Values
from ._sources import Source

_HUB = "https://huggingface.co/datasets/waleedgondal/mpi3d/resolve/main/"
_DRIVE = "https://drive.google.com/file/d/1Tp8eTdHxgUMtsZv5uAoYAbJR1BOa_OQm"
_FACTORS = (
    "object_color",
    "object_shape",
    "object_size",
    "camera_height",
    "background_color",
    "horizontal_axis",
    "vertical_axis",
)
_SIZES = (6, 6, 2, 3, 3, 40, 40)
_COMPLEX_SIZES = (4, 4, 2, 3, 3, 40, 40)
_MOVED = "the published checksum is that of an address that is gone"
_REPLACED = "its file was replaced in April 2025, and no checksum of the new one is published"
_NONE = "no checksum is published"


def _layout(
    kind: str, place: str, where: str, why_not: str, sizes: tuple[int, ...] = _SIZES
) -> Layout:
    source = Source(f"mpi3d_{kind}", f"MPI3D {kind}", place, where, why_not=why_not)
    return Layout(source, _FACTORS, sizes)


LAYOUTS = {
    layout.source.name: layout
    for layout in (
        _layout("toy", "mpi3d_toy.npz", f"{_HUB}mpi3d_toy.npz", _MOVED),
        _layout("realistic", "mpi3d_realistic.npz", f"{_HUB}mpi3d_realistic.npz", _MOVED),
        _layout("real", "mpi3d_real.npz", f"{_HUB}mpi3d_real.npz", _REPLACED),
        _layout("complex", "real3d_complicated_shapes_ordered.npz", _DRIVE, _NONE, _COMPLEX_SIZES),
    )
}
_DESCRIPTIONS = {
    "mpi3d_toy": "a robot's arm with an object, rendered simply; official file",
    "mpi3d_realistic": "a robot's arm with an object, rendered realistically; official file",
    "mpi3d_real": "a robot's arm with an object, photographed; official file",
    "mpi3d_complex": "a robot's arm with an everyday object, photographed; official file",
}


class MPI3D(GridFile):
    """All images of one of the four sets of MPI3D, 1,036,800 or (complex) 460,800.

    Notes
    -----
    Source: Gondal et al., *On the Transfer of Inductive Bias from Simulation to the Real World: a
    New Disentanglement Dataset*, NeurIPS 2019, https://github.com/rr-learning/disentanglement_dataset.
    The sets of the competition have 4 colours and 4 shapes; the published files of the first three
    have 6 of each.

    Examples
    --------
    >>> from datasets import restore
    >>> toy = restore("mpi3d_toy", {})  # `load` would ask for the file at once
    >>> len(toy), toy.factor_sizes
    (1036800, (6, 6, 2, 3, 3, 40, 40))
    """


def _load(name: str, values: Values, options: Values) -> FactorDataset:
    return MPI3D(LAYOUTS[name], values, options)


def _check(name: str, values: Values) -> None:
    LAYOUTS[name].check(values)


INFOS = tuple(
    DatasetInfo(
        name,
        _DESCRIPTIONS[name],
        {"path": PATH},
        partial(_load, name),
        check=partial(_check, name),
        download=layout.source.download,
    )
    for name, layout in LAYOUTS.items()
)
