"""The report: a study becomes report.html and the tables for a paper.

`render` fills the template. Each other file makes the plain rows and cells of one section of the
page, which the template only lays out.
"""

from .latex import latex_files
from .render import render
from .tables import summary_tables

__all__ = ["latex_files", "render", "summary_tables"]
