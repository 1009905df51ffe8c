"""Anything as a grid or as stored JSON: refused by its own error, or valid; never a crash."""

import copy
import json
import shutil
import warnings

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from bench.errors import GridError, GridWarning
from bench.grid.config import Grid
from bench.grid.load import load_grid, parse_grid
from bench.store.files import DamagedError, dump_json, read_json
from bench.store.store import Store
from bench.store.stored_run import read_run
from bench.tables.collect import collect
from tests.reliability.tiny import GRID

# A hang limit, far above what anything here takes.
pytestmark = pytest.mark.timeout(240)
# The temporary folder is the same for all examples: each writes the one file that it reads.
_FUZZ = settings(
    deadline=None,
    max_examples=200,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
VALID = {
    **GRID,
    "datasets": ["ball", {"name": "ball", "radius": [3, 4.5], "shape": "disc"}],
    "models": [
        {"kind": "vae"},
        {"kind": "beta_vae", "beta": [1, 4]},
        {"kind": "capacity_vae", "gamma": 1000, "capacity": 25, "anneal_steps": 2},
    ],
    "baselines": True,
}
# What YAML means by these, apart from texts.
_WORDS = [
    "vae",
    "ball",
    "all",
    "mig",
    "dsprites",
    "official",
    "=1",
    "../x",
    "os:system",
    "",
    "{beta}",
]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-2, 70),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(_WORDS),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.sampled_from(_WORDS), st.text(max_size=6)), inner, max_size=3),
    ),
    max_leaves=6,
)
# As JSON has them: no text that is no Unicode.
JSON = VALUES.map(lambda value: json.loads(json.dumps(value)))


def _places(value, path=()):
    """Return the paths of everything in nested mappings and lists."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for key, inner in items:
        found.append((*path, key))
        if isinstance(inner, dict | list):
            found += _places(inner, (*path, key))
    return found


def _mutated(draw, valid):
    """Return a copy of nested values with one to three of them replaced, added or taken away."""
    value = copy.deepcopy(valid)
    for _ in range(draw(st.integers(1, 3))):
        places = _places(value)
        if not places:
            return value
        *path, last = draw(st.sampled_from(places))
        parent = value
        for key in path:
            parent = parent[key]
        what = draw(st.sampled_from(["replace", "replace", "add", "remove"]))
        if what == "remove":
            del parent[last]
        elif what == "add" and isinstance(parent, dict):
            parent[draw(st.text(max_size=6))] = draw(JSON)
        elif what == "add":
            parent.append(draw(JSON))
        else:
            parent[last] = draw(JSON)
    return value


def _grid(call):
    """Make a grid, or be refused in one line."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GridWarning)
        try:
            answer = call()
        except GridError as error:
            answer = error
    assert isinstance(answer, Grid) or str(answer).isprintable()


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz") / "grid.yaml"


@_FUZZ
@given(st.binary(max_size=300))
def test_any_bytes_as_a_grid_file(path, content):
    path.write_bytes(content)
    _grid(lambda: load_grid(path))


@_FUZZ
@given(VALUES)
def test_any_values_as_a_grid(value):
    _grid(lambda: parse_grid(value))


@_FUZZ
@given(st.data())
def test_a_valid_grid_with_changes(data):
    grid = _mutated(data.draw, VALID)
    _grid(lambda: parse_grid(grid))


_PIECES = [
    "&a ",
    "*a",
    "<<: ",
    "!!python/object ",
    "\t",
    "\n",
    "- ",
    "{",
    "}",
    "[",
    "]",
    ": ",
    "? ",
]
_PIECES += [
    "|",
    ">",
    "#",
    "'",
    '"',
    "%",
    "---\n",
    "\u2028",
    "\x85",
    "1e400",
    "0x",
    ".nan",
    "~",
    "1:2",
]


@_FUZZ
@given(
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 9), st.sampled_from(_PIECES)), max_size=6)
)
def test_the_text_of_a_valid_grid_with_changes(path, changes):
    text = json.dumps(VALID, indent=1)
    for where, length, piece in changes:
        start = int(where * len(text))
        text = text[:start] + piece + text[start + length :]
    path.write_text(text, encoding="utf-8")
    _grid(lambda: load_grid(path))


@pytest.fixture(scope="module")
def folder(tiny_store, tmp_path_factory):
    place = tmp_path_factory.mktemp("fuzz") / "store"
    shutil.copytree(tiny_store, place)
    return place


@pytest.fixture(scope="module")
def stored(folder):
    """Return a run's folder and its manifest as it was written."""
    run = sorted((folder / "runs").iterdir())[0]
    return run, read_json(run / "manifest.json")


def _read(folder):
    """Read everything of a store: damaged parts are left out, or said to be damaged."""
    store = Store(folder)
    runs, _ = store.scan()
    try:
        return collect(store, runs)
    except DamagedError:
        return None


@_FUZZ
@given(st.binary(max_size=300))
def test_any_bytes_as_a_manifest(stored, content):
    run, _ = stored
    (run / "manifest.json").write_bytes(content)
    with pytest.raises(DamagedError, match="is not a readable run"):
        read_run(run)


@_FUZZ
@given(st.dictionaries(st.text(max_size=6), JSON, max_size=4))
def test_any_json_as_a_manifest(stored, body):
    run, _ = stored
    # With a checksum that fits: it is anybody's to compute.
    (run / "manifest.json").write_text(json.dumps(_sealed(body)))
    with pytest.raises(DamagedError, match="is not a readable run"):
        read_run(run)


def _sealed(body):
    try:
        return json.loads(dump_json(body))
    except ValueError:
        # Of infinity and the like, which JSON has no form of; Python reads them all the same.
        return {**body, "checksum": ""}


@settings(_FUZZ, max_examples=100)
@given(st.data())
def test_a_manifest_with_changes(folder, stored, data):
    run, manifest = stored
    (run / "manifest.json").write_text(json.dumps(_sealed(_mutated(data.draw, manifest))))
    _read(folder)


@settings(_FUZZ, max_examples=150)
@given(st.data())
def test_scores_with_changes(folder, stored, data):
    run, manifest = stored
    (run / "manifest.json").write_text(dump_json(manifest))
    paths = sorted((folder / "scores").rglob("*.json")) + sorted(folder.glob("failures/*.json"))
    path = data.draw(st.sampled_from(paths))
    whole = path.read_bytes()
    body = _mutated(data.draw, read_json(path))
    path.write_text(json.dumps(_sealed(body)))
    try:
        assert _read(folder) is not None
    finally:
        path.write_bytes(whole)


@_FUZZ
@given(st.binary(max_size=200))
def test_any_bytes_as_scores(folder, content):
    path = sorted((folder / "scores").glob("*.json"))[0]
    whole = path.read_bytes()
    path.write_bytes(content)
    try:
        assert Store(folder).read_scores(path.stem, json.loads(whole)["of"]) == {}
    finally:
        path.write_bytes(whole)
