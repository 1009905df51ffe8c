"""Sentences as the page shows them."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

_CODE = Markup("<code>{}</code>")


def with_code(text: str) -> Markup:
    """Return a sentence whose words in backticks are code on the page; all else is escaped.

    Examples
    --------
    >>> print(with_code("Add `{kind: vae}` where 1 < 2."))
    Add <code>{kind: vae}</code> where 1 &lt; 2.
    """
    # Every second piece is what stood in backticks.
    pieces = enumerate(re.split(r"`([^`]+)`", text))
    return Markup("").join(_CODE.format(piece) if n % 2 else escape(piece) for n, piece in pieces)


def beginning(text: str) -> str:
    """Return a few words as the beginning of a sentence.

    Examples
    --------
    >>> beginning("a further setting"), beginning("")
    ('A further setting', '')
    """
    return text[:1].upper() + text[1:]
