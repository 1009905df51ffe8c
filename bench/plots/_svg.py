"""Shrink Matplotlib's SVG without changing a pixel."""

from __future__ import annotations

import base64
import io
import re

from PIL import Image

# In attributes Matplotlib escapes what would end a tag, in text what would begin one: no text of
# somebody's is touched.
TAG = re.compile(r"<[a-z][^>]*>")
_REFERENCE = re.compile(r'url\(#([^)]+)\)|href="#([^"]+)"')
_ID = re.compile(r'\s+id="([^"]*)"')
_PATH = re.compile(r'(?<= d=")[^"]*')
_COMMAND = re.compile(r"([A-Za-z])([^A-Za-z]*)")
_PICTURE = re.compile(r'(?<="data:image/png;base64,)[^"]*')


def compact(svg: str) -> str:
    """Return a drawing of Matplotlib's without what is neither seen nor referred to."""
    used = {a or b for tag in TAG.findall(svg) for a, b in _REFERENCE.findall(tag)}

    def shorter(tag: re.Match[str]) -> str:
        text = _ID.sub(lambda named: named[0] if named[1] in used else "", tag[0])
        return _PICTURE.sub(_repacked, _PATH.sub(_rounded, text))

    return re.sub(r">\s+<", "><", TAG.sub(shorter, svg)).replace("<g/>", "")


def _rounded(path: re.Match[str]) -> str:
    """Write a path in hundredths of a point, each line as a step from where the last ended.

    That is more than a screen or a printer shows. Steps are those of rounded places: their errors
    do not add up.
    """
    short = ""
    x = y = 0
    start = [0, 0]
    for command, operands in _COMMAND.findall(path[0]):
        places = [round(100 * float(number)) for number in operands.split()]
        if command == "L":
            short += "l" + _numbers([places[0] - x, places[1] - y])
        else:
            short += command + _numbers(places)
        # What follows the end of a closed shape continues from its beginning.
        x, y = (places or start)[-2:]
        if command == "M":
            start = places
    return short


def _numbers(hundredths: list[int]) -> str:
    texts = (f"{value / 100:.2f}".rstrip("0").rstrip(".") for value in hundredths)
    return " ".join(texts).replace(" -", "-")


def _repacked(picture: re.Match[str]) -> str:
    """Store the same pixels in half the bytes: Matplotlib writes all as colours with opacity."""
    pixels = Image.open(io.BytesIO(base64.b64decode(picture[0]))).convert("RGBA")
    modes = ("L", "LA", "RGB", "RGBA")
    plainest = next(m for m in modes if pixels.convert(m).convert("RGBA") == pixels)
    buffer = io.BytesIO()
    pixels.convert(plainest).save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()
