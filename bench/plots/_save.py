"""Write a drawing: as SVG, as an element of a page, as PNG and as PDF."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, NullFormatter
from matplotlib.transforms import Bbox
from PIL import Image

from ..store import replacing
from ._base import FAINT, GREY, INK, STYLE, Drawn, Part
from ._svg import TAG, compact

# Characters that XML forbids, though names may have them.
_CONTROL = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF], "\ufffd")
# What a file stands on, and a page's element does not.
_PAPER = '<rect width="100%" height="100%" fill="#ffffff"/>'
# Matplotlib's style of all elements, which in a page would be that of the page's too.
_GLOBAL = re.compile(r"<defs><style[^>]*>\*\{([^}]*)\}</style></defs>")
# What a page's theme sets: ink, greys, and the paper between things that touch.
_THEMED = {
    INK: "currentColor",
    GREY: f"var(--soft,{GREY})",
    FAINT: f"var(--line,{FAINT})",
    "stroke: #ffffff": "stroke: var(--paper,#ffffff)",
}
# Inches beyond which an element is marked as one to be scrolled and not shrunk on a phone.
WIDE = 5.5


def svg_text(figure: Figure) -> str:
    """Return a figure as SVG on white, the same text at every drawing."""
    svg = _drawn(figure)
    end = svg.index("</defs>") + len("</defs>")
    return svg[:end] + _PAPER + svg[end:]


def page_svgs(drawn: Drawn, svg: str) -> list[str]:
    """Return a drawing as elements of a page, in reading order.

    They have no background, their ink is the page's `currentColor`, their greys are its `--soft`
    and `--line`, and no id is another drawing's. Those that are too wide for a phone are of the
    class `wide`.

    Parameters
    ----------
    drawn : Drawn
        The drawing.
    svg : str
        What `svg_text` returned of its figure.

    Returns
    -------
    list of str
        An element for each of its parts, one where it has none.
    """
    if len(drawn.parts) < 2:
        return [_element(svg, drawn.name)]
    return [
        _element(_part(drawn.figure, part), f"{drawn.name}-{number}")
        for number, part in enumerate(drawn.parts, start=1)
    ]


def save_png(figure: Figure, path: Path, *, dpi: int = 300) -> None:
    """Write a figure as a PNG in true colour, on white, for a paper."""
    buffer = io.BytesIO()
    # Packed once only, in the end.
    _save(figure, buffer, format="png", dpi=dpi, pil_kwargs={"compress_level": 0})
    with replacing(path) as staged, Image.open(buffer) as image:
        image.convert("RGB").save(staged, "PNG", dpi=(dpi, dpi))


def save_pdf(figure: Figure, path: Path) -> None:
    """Write a figure as a PDF of lines and embedded letters, without a date, for a paper."""
    nothing = dict.fromkeys(("CreationDate", "Creator", "Producer"))
    with replacing(path) as staged:
        _save(figure, staged, format="pdf", metadata=nothing)


def _drawn(figure: Figure, **options: Any) -> str:
    buffer = io.StringIO()
    # Without a date, the same bytes each time.
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    _save(figure, buffer, format="svg", metadata=nothing, facecolor="none", **options)
    return compact(buffer.getvalue().translate(_CONTROL))


def _save(figure: Figure, target: Path | IO[Any], **options: Any) -> None:
    _take_literally(figure)
    with mpl.rc_context(STYLE), warnings.catch_warnings():
        # Text stays text: a glyph that is missing here may be there where it is read.
        warnings.filterwarnings("ignore", "Glyph .* missing from (current )?font")
        figure.savefig(target, **options)


def _take_literally(figure: Figure) -> None:
    """Show every text as it is: a dollar sign in a file name begins no formula."""
    for text in figure.findobj(Text):
        text.set_parse_math(False)
    # Matplotlib writes the powers of ten of a logarithmic axis as formulas.
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            if axis.get_scale() == "log":
                axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
                axis.set_minor_formatter(NullFormatter())


def _part(figure: Figure, part: Part) -> str:
    """Return what of a figure is in a rectangle as SVG."""
    left, bottom, width, height = part
    with _alone(figure, part):
        return _drawn(figure, bbox_inches=Bbox.from_bounds(left, bottom, width, height))


@contextmanager
def _alone(figure: Figure, part: Part) -> Iterator[None]:
    """Hide whatever begins outside of a rectangle."""
    left, bottom, width, height = part
    across, up = figure.get_size_inches()

    def outside(x: float, y: float) -> bool:
        return not (left <= x * across <= left + width and bottom <= y * up <= bottom + height)

    hidden: list[Artist] = []
    for axes in figure.axes:
        box = axes.get_position()
        if outside((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2):
            hidden.append(axes)
    hidden += [text for text in figure.texts if outside(*text.get_position())]
    hidden = [artist for artist in hidden if artist.get_visible()]
    try:
        for artist in hidden:
            artist.set_visible(False)
        yield
    finally:
        for artist in hidden:
            artist.set_visible(True)


def _element(svg: str, name: str) -> str:
    """Return an SVG document as an element of a page."""
    body = svg[svg.index("<svg") :].replace(_PAPER, "", 1)
    styled = _GLOBAL.search(body)
    style = styled[1] if styled else ""
    body = _GLOBAL.sub("", body, count=1)
    body = TAG.sub(lambda tag: _themed(tag[0], name), body)
    width = re.search(r' width="([\d.]+)pt"', body)
    wide = ' class="wide"' if width and float(width[1]) > 72 * WIDE else ""
    begins = f'<svg aria-hidden="true" fill="currentColor" style="{style}"{wide} '
    return body.replace("<svg ", begins, 1)


def _themed(tag: str, name: str) -> str:
    """Return a tag with ids of its own and the colours of the page."""
    for mark in ('id="', "url(#", 'href="#'):
        tag = tag.replace(mark, f"{mark}{name}-")
    for colour, themed in _THEMED.items():
        tag = tag.replace(colour, themed)
    return tag
