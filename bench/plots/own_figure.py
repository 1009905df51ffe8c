"""Figures by own code: functions of a study, named by their import path."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Iterable, Iterator
from copy import deepcopy
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from ..errors import OwnCodeError, Stopped, named
from ..grid import own_object, pinned
from ._base import Drawn, stem, styled
from ._save import svg_text

if TYPE_CHECKING:
    from ..analysis import Study

log = logging.getLogger("disbench")
# In the log: which one, and why.
_LEFT_OUT = "figure %s is left out: %s"


def draw_own(
    study: Study, references: Iterable[str], *, allow_imports: bool
) -> Iterator[tuple[Drawn, str]]:
    """Yield the figures that a grid's own functions draw of a study, each with its SVG.

    One that may not be imported, fails or returns no figure is left out, and the log says why.

    Parameters
    ----------
    study : Study
        Tables and pictures, as every figure is drawn of.
    references : iterable of str
        "package.module:function" each; a function takes the study, and returns a matplotlib
        `Figure` or, where it has nothing to draw, None. The first line of its docstring is the
        title, the rest says how to read it.
    allow_imports : bool
        Whether they may be imported.
    """
    for reference in references:
        if study.tables.runs.empty:
            log.warning(_LEFT_OUT, reference, "no run has finished")
            continue
        try:
            function = own_object(pinned(reference, allow_imports=allow_imports))
            # Titles and legends take their style when they are made.
            with styled():
                # What one changes in its study is neither on the page nor in the next figure.
                figure = function(deepcopy(study))
            if figure is None:
                continue
            if not isinstance(figure, Figure):
                what = type(figure).__name__
                raise OwnCodeError(f"it must return a matplotlib Figure or None, not {what}")
            drawn = _described(reference, function, figure)
            svg = svg_text(figure)
        except (KeyboardInterrupt, Stopped):
            raise
        except OwnCodeError as error:
            log.warning(_LEFT_OUT, reference, error)
        except BaseException as error:
            # It is anybody's, and may even exit.
            log.warning(_LEFT_OUT, reference, named(error))
        else:
            yield drawn, svg


def _described(reference: str, function: object, figure: Figure) -> Drawn:
    first, _, rest = (inspect.getdoc(function) or "").partition("\n")
    name = reference.rpartition(":")[2]
    title = first.rstrip(".") or name.replace("_", " ")
    return Drawn(
        name=stem("own", reference),
        title=title,
        alt=f"{title}. A figure of the grid's own, by {name}.",
        figure=figure,
        dataset="",
        note=" ".join(rest.split()),
    )
