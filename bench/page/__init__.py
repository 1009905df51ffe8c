"""A study -> report.html and the tables for a paper.

`render` fills the template; the other files make plain rows and cells, a section of the page each,
that the template only lays out.
"""

from .latex import latex_files
from .render import render
from .tables import summary_tables

__all__ = ["latex_files", "render", "summary_tables"]
