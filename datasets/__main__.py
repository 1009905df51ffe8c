"""Command line: `disbench datasets list | draw | compare | download | sheet`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from . import DATASETS, load
from ._console import complain, run, say


def parser(prog: str = "datasets") -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(prog=prog, description="Datasets with known factors.")
    commands = top.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="the datasets and their options")
    draw = commands.add_parser("draw", help="draw a set into the cache now")
    draw.add_argument("name", choices=["dsprites"])
    download = commands.add_parser("download", help="download official files into the cache")
    download.add_argument("name", choices=[*_downloads()])
    compare = commands.add_parser("compare", help="compare the drawn dSprites with a file")
    compare.add_argument("file", type=Path, help="the official .npz or .hdf5")
    sheet = commands.add_parser("sheet", help="draw a contact sheet of a dataset")
    sheet.add_argument("name")
    sheet.add_argument("--out", type=Path, required=True, help=".png, .svg or .pdf")
    sheet.add_argument("--path", help="the official file or folder; short for --option path=…")
    sheet.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="an option of the dataset; numbers, true, lists and mappings are written as JSON",
    )
    sheet.add_argument("--seed", type=int, default=0, help="of the random images")
    return top


def main(argv: Sequence[str] | None = None, prog: str = "datasets") -> int:
    """Run the command line, which calls itself `prog` in its messages.

    Returns 0 for success, 1 if the compared sets differ, 2 for bad input, 130 on SIGINT, 141 where
    nobody reads what is printed any more.
    """
    return run(lambda: _command(parser(prog).parse_args(argv)))


def _command(arguments: argparse.Namespace) -> int:
    commands = {
        "list": _list,
        "draw": _draw,
        "download": _download,
        "compare": _compare,
        "sheet": _sheet,
    }
    try:
        return commands[arguments.command](arguments)
    except (ValueError, OSError) as error:
        complain(f"error: {error}")
        return 2
    except KeyboardInterrupt:
        complain("stopped by SIGINT")
        return 130


def _list(arguments: argparse.Namespace) -> int:
    del arguments
    lines = []
    for info in DATASETS.values():
        lines.append(f"{info.name}: {info.description}")
        for key, option in info.options.items():
            lines.append(f"    {key} = {json.dumps(option.default)}: {option.help}")
    say("\n".join(lines))
    return 0


def _draw(arguments: argparse.Namespace) -> int:
    data = load(arguments.name)
    data.packed_bits()
    say(f"{data!r}\n{data.fingerprint}")
    return 0


def _download(arguments: argparse.Namespace) -> int:
    say(str(_downloads()[arguments.name]()))
    return 0


def _downloads() -> dict[str, Callable[[], Path]]:
    return {name: info.download for name, info in DATASETS.items() if info.download is not None}


def _compare(arguments: argparse.Namespace) -> int:
    from ._compare import compare_file

    drawn = load("dsprites", source="render").packed_bits()
    if drawn is None:
        raise ValueError("dSprites is a binary set, but has no packed bits")
    result = compare_file(arguments.file, drawn)
    say(str(result))
    return 1 if result.different_images else 0


def _sheet(arguments: argparse.Namespace) -> int:
    from ._sheet import save_sheet

    path = {} if arguments.path is None else {"path": arguments.path}
    data = load(arguments.name, **path, **dict(_option(text) for text in arguments.option))
    save_sheet(data, arguments.out, arguments.seed)
    say(str(arguments.out))
    return 0


def _option(text: str) -> tuple[str, Any]:
    key, separator, value = text.partition("=")
    if not separator:
        raise ValueError(f"--option takes KEY=VALUE, got {text!r}")
    try:
        return key, json.loads(value)  # numbers, true, false, null
    except json.JSONDecodeError:
        return key, value


if __name__ == "__main__":
    sys.exit(main())
