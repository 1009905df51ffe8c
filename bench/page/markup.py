"""Sentences as the page shows them."""

from __future__ import annotations

import re

from markupsafe import Markup, escape


def with_code(text: str) -> Markup:
    """Return a sentence whose words in backticks are code on the page; all else is escaped.

    Examples
    --------
    >>> print(with_code("Add `{kind: vae}` where 1 < 2."))
    Add <code>{kind: vae}</code> where 1 &lt; 2.
    """
    # The text is escaped before anything is made of it.
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704
