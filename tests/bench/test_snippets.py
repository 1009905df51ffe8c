"""Every snippet of README.md and docs/*.md works, from a wheel in an environment of its own.

What is run as it is written, and what is only checked, is said in `snippets.py`.
"""

import importlib
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from bench.commands import COMMANDS
from tests.bench import snippets
from tests.bench.snippets import COMPILED, GIVEN, PARSED, REFUSED, SMALLER
from tests.bench.wheels import fresh_environment, install

ROOT = Path(__file__).resolve().parents[2]
FOUND = snippets.snippets(ROOT)
TO_RUN = [snippet for snippet in FOUND if snippet.language != "text"]
# One wheel for all tests of it: they go to one worker.
pytestmark = pytest.mark.xdist_group("wheel")


@pytest.fixture(scope="module")
def outcomes(wheel, tmp_path_factory):
    """Return what became of each snippet: an error, or None."""
    folder = tmp_path_factory.mktemp("snippets")
    python, _ = fresh_environment(folder / "venv")
    install(python, wheel)
    (folder / "work").mkdir()
    # Nothing that is installed, set or drawn elsewhere helps.
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "DISBENCH"))}
    environment |= {"DISBENCH_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
    answer = subprocess.run(
        [python, snippets.__file__, ROOT, folder / "work"],
        env=environment,
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(answer.stdout)


@pytest.mark.endurance
@pytest.mark.timeout(900)
@pytest.mark.parametrize("snippet", TO_RUN, ids=str)
def test_a_snippet_works_from_a_wheel(outcomes, snippet):
    assert outcomes[str(snippet)] is None, outcomes[str(snippet)]


def test_no_fence_is_left_out():
    """A fence that is not found, or has no language, would be run by nobody."""
    assert {snippet.language for snippet in FOUND} <= {"python", "sh", "yaml", "text"}
    for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        fences = [line for line in path.read_text().splitlines() if line.lstrip().startswith("```")]
        document = str(path.relative_to(ROOT))
        assert len(fences) == 2 * sum(one.document == document for one in FOUND), document


def test_what_is_said_of_snippets_is_of_one_that_is_there():
    for key in (*GIVEN, *PARSED, *COMPILED, *REFUSED):
        assert sum(one.text.startswith(key) for one in TO_RUN) >= 1, key
    for text in SMALLER:
        assert any(text in one.text for one in TO_RUN), text


@pytest.mark.parametrize("snippet", [one for one in TO_RUN if one.language != "yaml"], ids=str)
def test_a_snippet_has_the_name_that_is_installed_and_a_checkout_has_what_it_names(snippet):
    assert not re.search(r"^\s*(?:from|import) (?:bench|metrics|datasets)\b", snippet.text, re.M)
    assert not re.search(r"python -m (?!disbench\.)", snippet.text)
    for module, names in re.findall(r"^from disbench\.(\S+) import (.+)$", snippet.text, re.M):
        found = importlib.import_module(module)
        assert all(hasattr(found, name.strip()) for name in names.split("#")[0].split(","))


@pytest.mark.parametrize("path", ["README.md", "docs"], ids=str)
def test_commands_within_the_text_are_there(path):
    documents = [ROOT / path] if path.endswith(".md") else [*(ROOT / path).glob("*.md")]
    text = "\n".join(document.read_text() for document in documents)
    named = re.findall(r"`disbench (?!--)(\w+)", text)
    assert set(named) <= COMMANDS.keys()
    assert len(named) >= 3
