"""The pages have everything that there is, and what they show is what works."""

import re
from pathlib import Path

import pytest

import bench
import datasets
import metrics
from bench.grid import expand, load_grid

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


def _text(name):
    return (DOCS / name).read_text(encoding="utf-8")


def test_every_metric_has_its_formula():
    assert set(re.findall(r"^### `(\w+)`$", _text("formulas.md"), re.MULTILINE)) == set(
        metrics.METRICS
    )


@pytest.mark.parametrize("package", [bench, datasets, metrics])
def test_every_public_name_is_in_the_api(package):
    listed = re.findall(r"^::: [\w.]+\.(\w+)$", _text(f"api/{package.__name__}.md"), re.MULTILINE)
    public = {name for name in package.__all__ if not isinstance(getattr(package, name), dict)}
    assert len(listed) == len(set(listed))
    assert set(listed) == public


def test_every_link_in_a_checkout_leads_to_a_file():
    found = []
    for path in (*ROOT.glob("*.md"), *DOCS.rglob("*.md"), ROOT / "benchmarks" / "README.md"):
        for target in re.findall(r"\]\(([^)\s#:]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
            found.append((path, target))
    assert len(found) > 50
    broken = [
        f"{path.name}: {target}" for path, target in found if not (path.parent / target).exists()
    ]
    assert broken == []


def test_the_grid_of_the_first_hour(tmp_path):
    (example,) = re.findall(r"```yaml\n(.*?)```", _text("first_hour.md"), re.DOTALL)
    path = tmp_path / "first.yaml"
    path.write_text(example, encoding="utf-8")
    trained = [spec for spec in expand(load_grid(path)) if not spec.kind.startswith("baseline_")]
    assert len(trained) == 9
