"""What is written of a drawing: for papers, and as a part of a page in any theme."""

import os
import re
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.plots import FIGURES, MAP_COLOURS, draw_all, page_svgs, save_pdf, save_png, svg_text
from bench.plots._base import COLOURS
from bench.plots._save import WIDE
from bench.plots.factor_channel import FACTOR_COLOURS

from .studies import with_kl

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def drawings(study):
    return [one for _, one in draw_all(with_kl(study, {"vae": 9.0, "beta_vae": 5.0}))]


def test_png_is_in_true_colour_with_its_resolution(study, tmp_path):
    drawn = next(FIGURES["comparison"].draw(with_kl(study, {"vae": 9.0, "beta_vae": 5.0})))
    save_png(drawn.figure, tmp_path / "plane.png")
    with Image.open(tmp_path / "plane.png") as image:
        assert image.mode == "RGB"
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)
        inches = drawn.figure.get_size_inches()
        assert image.size == pytest.approx(300 * inches, abs=1)
        assert image.getpixel((0, 0)) == (255, 255, 255)
        # The colours of maps are there beside black, white and grey.
        pixels = np.asarray(image).reshape(-1, 3).astype(int)
        assert (np.ptp(pixels, axis=1) > 60).any()
    assert [path.name for path in tmp_path.iterdir()] == ["plane.png"]


def test_pdf_has_its_letters_and_no_date(drawings, tmp_path):
    for drawn in drawings:
        save_pdf(drawn.figure, tmp_path / f"{drawn.name}.pdf")
        body = (tmp_path / f"{drawn.name}.pdf").read_bytes()
        assert body.startswith(b"%PDF")
        text = body + b"".join(_streams(body))
        # TrueType, whole letters embedded: what journals ask for.
        assert b"/FontFile2" in text
        assert b"/Subtype /Type3" not in text
        assert not re.search(rb"CreationDate|ModDate|Producer|/tmp", text)
    assert {path.suffix for path in tmp_path.iterdir()} == {".pdf"}


def _streams(body):
    for packed in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", body, re.DOTALL):
        try:
            yield zlib.decompress(packed)
        except zlib.error:
            yield packed


def test_pdf_is_the_same_in_every_process(tmp_path):
    code = (
        "import sys; from pathlib import Path; from bench.plots._layout import sheet; "
        "from bench.plots import save_pdf; drawing = sheet(['β, γ and → of C'], 1); "
        "drawing.axes[0].plot([1, 2, 3]); save_pdf(drawing.figure, Path(sys.argv[1]))"
    )
    for seed in ("1", "2"):
        subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / seed)],
            cwd=ROOT,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


def test_elements_of_a_page_have_no_paper_and_no_ink_of_their_own(drawings):
    names = set()
    for drawn in drawings:
        svg = svg_text(drawn.figure)
        assert svg.count('<rect width="100%" height="100%" fill="#ffffff"/>') == 1
        elements = page_svgs(drawn, svg)
        assert len(elements) == max(1, len(drawn.parts))
        for element in elements:
            tags = re.findall(r"<[a-z][^>]*>", element)
            assert 'fill="currentColor"' in tags[0]
            # White letters on what is dark in any theme are all that is white.
            for tag in tags[1:]:
                assert "#000000" not in tag
                assert not re.search(r"stroke: #ffffff", tag)
                if re.search(r"fill: ?#ffffff|fill=\"#ffffff", tag):
                    assert tag.startswith("<text ")
            # No style is everybody's.
            assert "<style" not in element
            assert "stroke-linejoin" in tags[0]
            own = re.findall(r'(?<= )id="([^"]*)"', " ".join(tags))
            referred = {a or b for a, b in re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', element)}
            assert {*own} == referred
            assert not names & {*own}
            names |= {*own}
            width = float(re.search(r' width="([\d.]+)pt"', tags[0])[1]) / 72
            assert ('class="wide"' in tags[0]) == (width > WIDE)


def test_a_part_has_what_is_in_its_panel_and_all_parts_have_everything(drawings):
    (drawn,) = [one for one in drawings if one.name.startswith("training")]
    whole = re.findall(r"<text [^>]*>([^<]*)<", svg_text(drawn.figure))
    parts = [
        re.findall(r"<text [^>]*>([^<]*)<", element)
        for element in page_svgs(drawn, svg_text(drawn.figure))
    ]
    assert sorted(text for part in parts for text in part) == sorted(whole)
    assert "reconstruction (nats per image)" in parts[0]
    assert "KL (nats per image)" in parts[1]
    # The figure itself is as it was.
    assert re.findall(r"<text [^>]*>([^<]*)<", svg_text(drawn.figure)) == whole


def test_parts_fit_a_phone_but_for_traversals(drawings):
    for drawn in drawings:
        if not drawn.name.startswith("traversals"):
            widths = [part[2] for part in drawn.parts] or [drawn.figure.get_size_inches()[0]]
            # 390 pixels are 4.06 inches of a page; what is a fourth wider is shrunk to that.
            assert max(widths) < 5, drawn.name


def _luminance(colour):
    values = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


@pytest.mark.parametrize("paper", ["#ffffff", "#15181c"])
def test_colours_of_data_are_seen_on_paper_and_on_a_dark_page(paper):
    for colour in {*COLOURS.values(), *FACTOR_COLOURS.values()} - {"#000000"}:
        light, dark = sorted((_luminance(colour), _luminance(paper)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 2.95, colour


def test_equal_steps_of_a_latent_look_equally_far_apart():
    lab = np.array([_lab(colour) for colour in MAP_COLOURS])
    steps = np.linalg.norm(np.diff(lab, axis=0), axis=1)
    assert steps.max() / steps.min() < 1.1
    # Light in the middle, as dark at both ends, blue below and red above.
    assert lab[:, 0].argmax() == len(lab) // 2
    assert lab[0, 0] == pytest.approx(lab[-1, 0], abs=1)
    assert lab[0, 2] < -30
    assert lab[-1, 1] > 30


def _lab(colour):
    values = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    xyz = (
        np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
        @ linear
        / [0.9505, 1, 1.089]
    )
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)
