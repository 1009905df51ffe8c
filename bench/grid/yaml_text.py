"""Parse a grid file as YAML 1.2 into plain values: no objects, duplicate keys or aliases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer, ComposerError
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import YAMLError

from ..errors import GridError

# Far above any grid that a person writes; above it a file is something else, or a mistake.
MAX_BYTES = 250_000
MAX_DEPTH = 20


def read_text(path: str | Path) -> str:
    """Return the text of a grid file.

    Raises
    ------
    GridError
        If it cannot be read, is too large for a grid, or is not UTF-8.
    """
    source = str(path)
    try:
        # A device or a pipe may have no end.
        if Path(path).exists() and not Path(path).is_file():
            raise GridError(source, "", "is not a file; name a grid file (YAML)")
        with Path(path).open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise GridError(source, "", f"has more than {MAX_BYTES:,} bytes: that is no grid")
        text = content.decode("utf-8")
    except OSError as error:
        raise GridError(source, "", f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise GridError(source, "", "is not UTF-8 text") from None
    except ValueError as error:
        # A null character, or what no file name has.
        raise GridError(source, "", f"is no path of a file: {error}") from None
    return text


class _PlainComposer(Composer):
    """Refuses anchors and deep nesting: a few lines of aliases stand for billions of values."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Compose the next node."""
        event = self.parser.peek_event()
        if getattr(event, "anchor", None) is not None:
            reason = f"anchors and aliases ({event.anchor}) are not supported; write the value out"
            raise ComposerError(None, None, reason, event.start_mark)
        if self.depth == MAX_DEPTH:
            reason = f"is nested more than {MAX_DEPTH} deep"
            raise ComposerError(None, None, reason, event.start_mark)
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def read_yaml(text: str, source: str) -> object:
    """Parse YAML 1.2 without constructing anything but plain values."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Composer = _PlainComposer
    try:
        return yaml.load(text)
    except DuplicateKeyError as error:
        # The parser's own message spends lines on how to allow it.
        where = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise GridError(source, f"line {where}", str(error.problem)) from None
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reason = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise GridError(source, f"line {mark.line + 1}" if mark else "", str(reason)) from None
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise GridError(source, "", f"is not readable YAML: {error}".splitlines()[0]) from None
