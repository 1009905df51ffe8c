"""Known answers of dSprites: the preview of the official repository, the whole set, the order."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import numpy as np
import pytest

from datasets import load
from datasets._cache import digest_of
from datasets._draw import BYTES_PER_IMAGE, N_IMAGES, draw_all, draw_outline
from datasets._geometry import SHAPES, snapped_vertices
from datasets._raster import fill_fan, fill_polygon
from datasets.dsprites import DRAWN_SHA256

# Over all official pixels, published by another library: mean 0.042494423521889584.
OFFICIAL_WHITE = 128_328_862
OFFICIAL_STD = 0.19516645880626055
SHARED = Path(__file__).parents[2].parent / "shared" / "data"
TABLE = Path(__file__).with_name("preview_frames.csv")


@pytest.fixture(scope="module")
def dsprites():
    return load("dsprites")


def frame_rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def frame_index(data, row: dict[str, str]) -> np.ndarray:
    names = data.factor_names[1:]
    return data.index([[SHAPES.index(row["shape"]), *(int(row[name]) for name in names)]])


def test_frames_by_their_digests(dsprites):
    rows = frame_rows(TABLE)
    assert len(rows) == 320
    wrong = []
    for row in rows:
        image = dsprites.images(frame_index(dsprites, row))
        if hashlib.sha256(image.tobytes()).hexdigest() != row["sha256"]:
            wrong.append(row["frame"])
    assert wrong == []


def test_frames_of_the_preview(dsprites):
    if not (SHARED / "dsprites_preview.gif").is_file():
        pytest.skip("the official preview dsprites_preview.gif is not in ../shared/data")
    from PIL import Image, ImageSequence

    rows = frame_rows(SHARED / "dsprites_preview_frames.csv")
    with Image.open(SHARED / "dsprites_preview.gif") as gif:
        frames = [np.array(frame.convert("L")) > 127 for frame in ImageSequence.Iterator(gif)]
    assert len(frames) == len(rows) == 320
    indices = np.concatenate([frame_index(dsprites, row) for row in rows])
    drawn = dsprites.images(indices)[:, 0] == 255
    assert int((drawn != np.array(frames)).sum()) == 0


# The official images of every fourth orientation at every second position, as packed bits, and
# those among all published ones that have a vertex within 0.003 subpixel of the middle between two:
# which way each goes is what an order of operations decides (sources in docs/datasets.md).
OFFICIAL_PART = "947ae0da6d4f1efbd1ca92164b83de66014f7ab1e232efdf3b6fba53a84082d0"
CLOSE_CALLS = Path(__file__).with_name("official_images.csv")


def test_part_of_the_official_images_by_its_digest(dsprites):
    grid = dsprites.packed_bits().reshape(3, 6, 40, 32, 32, BYTES_PER_IMAGE)
    part = np.ascontiguousarray(grid[:, :, ::4, ::2, ::2])
    assert part.size == 46_080 * BYTES_PER_IMAGE
    assert hashlib.sha256(part).hexdigest() == OFFICIAL_PART


def test_official_images_that_rounding_decides(dsprites):
    rows, packed = frame_rows(CLOSE_CALLS), dsprites.packed_bits()
    assert len(rows) == 67
    found = [hashlib.sha256(packed[int(row["index"])]).hexdigest() for row in rows]
    assert found == [row["sha256"] for row in rows]


def test_whole_set_has_the_official_white_pixels(dsprites):
    packed = dsprites.packed_bits()
    counts = np.array([0], np.int64)[:0]
    parts = np.array_split(np.arange(N_IMAGES), 60)
    ones = np.array([bin(byte).count("1") for byte in range(256)], np.uint8)
    counts = np.concatenate([ones[packed[part]].sum(axis=1, dtype=np.int64) for part in parts])
    std = np.sqrt(counts * (4096.0 - counts) / 4096 / 4095).mean()
    print(f"white pixels {counts.sum():,} (official {OFFICIAL_WHITE:,}), mean std {std!r}")
    assert int(counts.sum()) == OFFICIAL_WHITE
    # Not equal: a few images differ by a pixel.
    assert abs(std - OFFICIAL_STD) < 3e-11


def test_stored_set_is_the_drawn_one(dsprites):
    packed = dsprites.packed_bits()
    assert packed.nbytes <= 400e6
    assert digest_of(packed) == DRAWN_SHA256
    for shape, scale, orientation in [(0, 0, 0), (1, 3, 17), (2, 5, 39)]:
        start = int(dsprites.index([[shape, scale, orientation, 0, 0]])[0])
        block = draw_outline(shape, scale, orientation)
        np.testing.assert_array_equal(packed[start : start + 1024], block)


@pytest.mark.slow
def test_drawing_anew():
    out = np.zeros((N_IMAGES, BYTES_PER_IMAGE), np.uint8)
    draw_all(out)
    assert digest_of(out) == DRAWN_SHA256


def test_official_order(dsprites):
    assert dsprites.factor_names == ("shape", "scale", "orientation", "position_x", "position_y")
    assert dsprites.factor_sizes == (3, 6, 40, 32, 32)
    assert len(dsprites) == 737_280
    # Strides of the official file's rows.
    strides = (245_760, 40_960, 1_024, 32, 1)
    np.testing.assert_array_equal(dsprites.index(np.eye(5, dtype=int)), strides)


def test_positions_move_right_and_down(dsprites):
    rows, columns = np.mgrid[:64, :64]

    def centre(factors):
        white = dsprites.images(dsprites.index([factors]))[0, 0] == 255
        return columns[white].mean() + 0.5, rows[white].mean() + 0.5

    for shape in (0, 1):  # shapes whose centre of mass is their centre
        np.testing.assert_allclose(centre([shape, 5, 7, 0, 0]), (16, 16), atol=0.3)
        np.testing.assert_allclose(centre([shape, 5, 7, 31, 0]), (48, 16), atol=0.3)
        np.testing.assert_allclose(centre([shape, 5, 7, 0, 31]), (16, 48), atol=0.3)


def test_scale_grows_by_its_values(dsprites):
    rows = [[0, scale, 0, 15, 15] for scale in range(6)]
    area = (dsprites.images(dsprites.index(rows)) == 255).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(np.sqrt(area), 19.2 * np.linspace(0.5, 1, 6), atol=1)


def test_symmetries(dsprites):
    # θ = 0 and θ = 2π are separate orientations with equal images.
    first = dsprites.index([[s, c, 0, 11, 20] for s in range(3) for c in range(6)])
    np.testing.assert_array_equal(dsprites.images(first), dsprites.images(first + 39 * 1024))
    # Positions i and 31 - i mirror each other, but for a pixel centre on an edge.
    heart = dsprites.index([[2, 4, 0, i, 9] for i in range(32)])
    images = dsprites.images(heart)
    assert (images != images[::-1, :, :, ::-1]).mean() < 2e-3
    assert (images[0, 0].sum(axis=1) > 0).sum() > 10


def test_first_and_last_orientation_are_one_image(dsprites):
    packed = dsprites.packed_bits().reshape(18, 40, -1)  # shapes and scales, all positions
    np.testing.assert_array_equal(packed[:, 0], packed[:, 39])
    assert (packed[:, 0] != packed[:, 1]).any(axis=1).all()


def test_heart_points_down_at_orientation_zero(dsprites):
    image = dsprites.images(dsprites.index([[2, 5, 0, 15, 15]]))[0, 0] == 255
    widths = image.sum(axis=1)[image.any(axis=1)]
    assert widths[:5].min() > widths[-3:].max()


def test_nothing_is_drawn_before_it_is_needed(tmp_path, monkeypatch):
    monkeypatch.setenv("DISBENCH_CACHE", str(tmp_path / "none"))
    data = load("dsprites")
    assert data.index(data.factors([5])).tolist() == [5]
    assert data.fingerprint.startswith("dsprites/render/")
    assert not (tmp_path / "none").exists()


def fill_by_definition(x, y):
    """White where a ray to the left crosses the outline an odd number of times, pixel by pixel."""
    from fractions import Fraction

    image = np.zeros((64, 64), bool)
    for row in range(64):
        yc = 256 * row + 128
        crossings = []
        for k in range(len(x)):
            (x0, y0), (x1, y1) = (x[k - 1], y[k - 1]), (x[k], y[k])
            if min(y0, y1) < yc <= max(y0, y1):
                crossings.append(x0 + Fraction(int((yc - y0) * (x1 - x0)), int(y1 - y0)))
        for column in range(64):
            image[row, column] = sum(c <= 256 * column + 128 for c in crossings) % 2
    return image


@pytest.mark.parametrize("outline", [(0, 0, 0), (0, 3, 13), (1, 2, 11), (2, 5, 6), (2, 0, 39)])
def test_rasteriser_against_its_definition(outline):
    x, y = snapped_vertices(*outline)
    words = fill_polygon(x[[0, 13]], y[[5, 31]])
    bits = np.unpackbits(words.astype(">u8").view(np.uint8).reshape(2, 2, 64, 8), axis=3)
    for i, j in np.ndindex(2, 2):
        expected = fill_by_definition(x[[0, 13]][i], y[[5, 31]][j])
        np.testing.assert_array_equal(bits[i, j], expected)


def test_a_fan_covers_its_outline_and_folded_triangles():
    # From the first corner the second triangle of this one turns back over the first.
    x, y = np.array([[0, 60, 30, 60]]) * 256, np.array([[0, 0, 30, 50]]) * 256

    def bits(words):
        return np.unpackbits(words.astype(">u8").view(np.uint8).reshape(64, 8), axis=1)

    first, second = (bits(fill_polygon(x[:, c], y[:, c])) for c in ([0, 1, 2], [0, 2, 3]))
    outline, fan = bits(fill_polygon(x, y)), bits(fill_fan(x, y))
    np.testing.assert_array_equal(outline, first ^ second)
    np.testing.assert_array_equal(fan, first | second)
    assert (fan != outline).any()


def test_edges_through_pixel_centres():
    # A square whose edges run exactly through centres: left and lower in, right and upper out.
    x = np.array([[2, 2, 5, 5]]) * 256 + 128
    words = fill_polygon(x, np.array([[3, 6, 6, 3]]) * 256 + 128)
    bits = np.unpackbits(words.astype(">u8").view(np.uint8).reshape(64, 8), axis=1)
    expected = np.zeros((64, 64))
    expected[4:7, 2:5] = 1
    np.testing.assert_array_equal(bits, expected)


def test_polygons_beyond_the_image_are_cut():
    x = np.array([[-9, -9, 99, 99]]) * 256
    words = fill_polygon(x, np.array([[-5, 70, 70, -5]]) * 256)
    assert (words == np.uint64(2**64 - 1)).all()
