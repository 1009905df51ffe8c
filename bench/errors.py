"""What is said of input that cannot be used, or is probably not what was meant."""

from __future__ import annotations


class InputError(ValueError):
    """Input that cannot be used: one line that names the file, the path in it and the reason."""

    def __init__(self, source: str, path: str, reason: str) -> None:
        message = f"{source}: {path}: {reason}" if path else f"{source}: {reason}"
        # Keys and values are anybody's text: no line breaks, nothing that steers a terminal.
        super().__init__("".join(c if c.isprintable() else ascii(c)[1:-1] for c in message))


class GridError(InputError):
    """A grid that cannot be run."""


class CodesError(InputError):
    """Codes from elsewhere that cannot be scored."""


class GridWarning(UserWarning):
    """Something in a grid that is probably not what was meant."""
