"""Names of unknown arrays and columns: refuse misspelt ones, list the others as unused."""

from __future__ import annotations

import difflib
import logging
import re
from collections.abc import Iterable, Sequence

from ..errors import printable

log = logging.getLogger("disbench")

# What others call the same quantity. A standard deviation is none of them: renamed, it would be
# read as the logarithm of a variance.
_ALIASES = {
    "mean": ("mu", "mus", "μ", "avg", "average"),
    "logvar": ("lv", "lnvar", "logvariance"),
}
_ALIKE = 0.83
_LISTED = 20


def meant(name: str, known: Sequence[str]) -> str | None:
    """Return which of the known names another is probably a misspelling of.

    Parameters
    ----------
    name : str
        A name that is not read.
    known : sequence of str
        The names that are.

    Returns
    -------
    str or None
        The known name that differs in case, separators, number or a letter alone, or that is
        another word for the same.

    Examples
    --------
    >>> meant("Log_Var", ["means", "logvars"]), meant("mu", ["means"]), meant("note", ["means"])
    ('logvars', 'means', None)
    """
    bare = _bare(name)
    for target in known:
        singular = _bare(target).removesuffix("s")
        words = [_bare(target), *_ALIASES.get(singular, ())]
        if bare in words or (len(bare) > 3 and difflib.get_close_matches(bare, words, 1, _ALIKE)):
            return target
    return None


def meant_prefix(name: str, known: Sequence[str]) -> str | None:
    """Return which of the known first words of a name, such as mean in mean_z0, it misspells.

    Examples
    --------
    >>> kinds = ["mean", "logvar", "factor"]
    >>> [meant_prefix(name, kinds) for name in ("Mean-a", "log_var_a", "meanA", "a mean")]
    ['mean', 'logvar', 'mean', None]
    """
    words = re.findall(r"[A-Z]*[a-zµμ]+|[A-Z]+", name.strip())
    if not words or not name.strip().startswith(words[0]):
        return None
    # log_var is one word in two.
    return meant("".join(words[: 2 if words[0].casefold() in ("log", "ln") else 1]), known)


def warn_of_unused(source: str, what: str, names: Iterable[str]) -> None:
    """List what a file has that is not read."""
    listed = list(names)
    if listed:
        shown = ", ".join(name[:100] for name in listed[:_LISTED])
        more = f" and {len(listed) - _LISTED} more" if len(listed) > _LISTED else ""
        log.warning("%s", printable(f"warning: {source}: does not use the {what} {shown}{more}"))


def _bare(name: str) -> str:
    # Of two signs for a mu, one: both are on keyboards.
    return re.sub(r"[\W\d_]+", "", name.casefold()).replace("µ", "μ")
