"""Notebooks as pages: executed when the site is built; an error in a cell ends the build."""

from pathlib import Path
from typing import Any

import nbformat
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from nbconvert.exporters import MarkdownExporter
from nbconvert.preprocessors import ExecutePreprocessor

_WIDGET = "application/vnd.jupyter.widget-view+json"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Put a page and its pictures in the place of each notebook."""
    for notebook in [file for file in files if file.src_uri.endswith(".ipynb")]:
        files.remove(notebook)
        for name, content in _page(Path(config.docs_dir) / notebook.src_uri).items():
            files.append(File.generated(config, name, content=content))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Let links to a notebook, which lead to it in a checkout, lead to its page."""
    return markdown.replace(".ipynb)", ".md)")


def _page(path: Path) -> dict[str, Any]:
    """Return a page and its pictures, by their names."""
    notebook = nbformat.read(path, as_version=4)
    ExecutePreprocessor(timeout=300).preprocess(notebook, {"metadata": {"path": path.parent}})
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if _is_result(output)]
    exporter = MarkdownExporter()
    text, resources = exporter.from_notebook_node(notebook, {"unique_key": path.stem})
    # The theme lets tables scroll that have no class of their own.
    text = text.replace('<table border="1" class="dataframe">', "<table>")
    return {f"{path.stem}.md": text, **resources["outputs"]}


def _is_result(output: Any) -> bool:
    """Say whether an output belongs on the page: bars and warnings are of the moment."""
    return output.get("name") != "stderr" and _WIDGET not in output.get("data", {})
