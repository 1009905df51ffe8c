"""What is said of a grid that cannot be run, or is probably not what was meant."""

from __future__ import annotations


class GridError(ValueError):
    """A grid that cannot be run: one line that names the file, the path in it and the reason."""

    def __init__(self, source: str, path: str, reason: str) -> None:
        message = f"{source}: {path}: {reason}" if path else f"{source}: {reason}"
        # Keys and values are anybody's text: no line breaks, nothing that steers a terminal.
        super().__init__("".join(c if c.isprintable() else ascii(c)[1:-1] for c in message))


class GridWarning(UserWarning):
    """Something in a grid that is probably not what was meant."""
