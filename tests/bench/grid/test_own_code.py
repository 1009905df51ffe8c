"""Own code in a grid: imported only if allowed, pinned by its source, refused with its place."""

import hashlib
import sys

import pytest

from bench.errors import GridError, OwnCodeError
from bench.grid.expand import expand
from bench.grid.identity import canonical, group_id, run_id
from bench.grid.load import parse_grid
from bench.grid.own_code import own_object, pinned
from bench.grid.packs import Execution, make_packs
from bench.grid.specs import SPEC_ADAPTER
from tests.bench.own_examples import DOCS, DOCUMENTED, EXAMPLES, forget, write_modules

OWN = {"kind": "own", "objective": "my_losses:sparse", "options": {"strength": 1, "warm_up": 9}}
BASE = {"name": "g", "datasets": ["ball"], "seeds": [0], "models": [OWN]}
RINGS = {"name": "my_rings:rings", "radius": 5}


def _parsed(**parts):
    return parse_grid({**BASE, **parts}, allow_imports=True)


def _specs(**parts):
    return expand(_parsed(**parts), allow_imports=True)


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("models.0.objective", {}),
        ("train.architecture", {"train": {"architecture": "my_nets:small"}}),
        ("models.0.architecture", {"models": [{"kind": "vae", "architecture": "my_nets:small"}]}),
        ("datasets.0", {"datasets": [RINGS]}),
        ("models.0.datasets.0", {"models": [{**OWN, "datasets": ["my_rings:rings"]}]}),
        ("figures.0", {"models": [{"kind": "vae"}], "figures": ["my_plots:kl_by_model"]}),
    ],
)
def test_nothing_is_imported_without_permission(own_modules, path, parts):
    with pytest.raises(GridError, match=rf"^grid: {path}: my_\w+:\w+ is .* with --allow-imports"):
        parse_grid({**BASE, "models": [{"kind": "vae"}, OWN][1:], **parts})
    assert not [name for name in sys.modules if name.startswith("my_")]
    grid = _parsed(**parts)
    if path != "figures.0":
        with pytest.raises(GridError, match="--allow-imports"):
            expand(grid)


def test_a_run_has_the_import_path_and_the_digest_of_the_source(own_modules):
    (spec,) = _specs(datasets=[RINGS], train={"architecture": "my_nets:small"})
    for name, file in (
        (spec.objective, "my_losses.py"),
        (spec.architecture, "my_nets.py"),
        (spec.dataset.name, "my_rings.py"),
    ):
        digest = hashlib.sha256(EXAMPLES[file].encode()).hexdigest()[:16]
        reference, _, found = name.partition("@")
        assert (reference.split(":")[0], found) == (file.removesuffix(".py"), digest)
    shown = hashlib.sha256(DOCUMENTED["my_losses.py"].encode()).hexdigest()[:16]
    assert f"`my_losses:sparse@{shown}`" in DOCS.read_text(encoding="utf-8")
    assert spec.dataset.options == {"radius": 5.0}
    assert spec.options == {"strength": 1.0, "warm_up": 9.0}
    assert spec.title == f"sparse@{spec.objective[-16:-10]} strength=1 warm_up=9"
    assert SPEC_ADAPTER.validate_python(canonical(spec)) == spec


def test_all_runs_of_a_grid_have_one_source(own_modules, monkeypatch):
    # Whoever saves the module while a grid is expanded does not split it.
    def pinned_and_saved(name, **given):
        reference = pinned(name, **given)
        with (own_modules / "my_losses.py").open("a") as file:
            file.write("# saved again\n")
        return reference

    grid = _parsed(models=[OWN, {**OWN, "options": {"strength": 2, "warm_up": 9}}])
    monkeypatch.setattr(sys.modules[expand.__module__], "pinned", pinned_and_saved)
    specs = expand(grid, allow_imports=True)
    assert len(specs) == 2
    assert len({spec.objective for spec in specs}) == 1


def test_the_identity_of_a_pinned_run_never_changes():
    fields = {"objective": "a.b:c@0123456789abcdef", "options": {"x": 2}}
    fields |= {"architecture": "d:e@0123456789abcdef", "dataset": {"name": "ball"}, "seed": 3}
    assert run_id(SPEC_ADAPTER.validate_python({"kind": "own", **fields})) == "0164658c9718fd70"


@pytest.mark.parametrize("file", ["my_losses.py", "my_nets.py", "my_rings.py"])
def test_another_source_is_another_run_and_another_model(own_modules, file):
    parts = {"datasets": [RINGS], "train": {"architecture": "my_nets:small"}}
    (before,) = _specs(**parts)
    text = (own_modules / file).read_text()
    (own_modules / file).write_text(f"{text}# Says nothing.\n")
    (after,) = _specs(**parts)
    assert run_id(before) != run_id(after)
    assert group_id(before) != group_id(after)
    (own_modules / file).write_text(text)
    assert _specs(**parts) == [before]
    figure = pinned("my_plots:kl_by_model", allow_imports=True)
    assert _parsed(figures=[figure]).figures == [figure]


def test_what_runs_is_what_was_digested_whatever_was_imported_before(own_modules):
    write_modules(own_modules, my_value="value = 1\n")
    import my_value

    first = pinned("my_value:value", allow_imports=True)
    write_modules(own_modules, my_value="value = 2\n")
    second = pinned("my_value:value", allow_imports=True)
    assert (my_value.value, own_object(first), own_object(second)) == (1, 1, 2)
    forget()
    with pytest.raises(OwnCodeError, match=r"my_value:value was of another source: .* is now"):
        own_object(first)
    with pytest.raises(OwnCodeError, match="was of another source"):
        pinned(first, allow_imports=True)
    assert pinned(second, allow_imports=True) == second


def test_a_module_of_a_package_finds_its_siblings(own_modules):
    (own_modules / "my_package").mkdir()
    (own_modules / "my_package" / "__init__.py").write_text("from .part import value as again\n")
    (own_modules / "my_package" / "part.py").write_text("from . import other\nvalue = other.x\n")
    (own_modules / "my_package" / "other.py").write_text("x = 7\n")
    for reference in ("my_package.part:value", "my_package:again"):
        assert own_object(pinned(reference, allow_imports=True)) == 7


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("my_absent:sparse", "there is no module my_absent; it has to be installed"),
        ("my_losses.part:x", r"cannot be imported: there is no module my_losses\.part"),
        ("my_losses:absent", "my_losses has no absent"),
        ("my_losses:weight", r"is no bench\.training\.objective\.Objective, but function: write"),
        ("my_exit:x", "cannot be imported: SystemExit: 0"),
        ("my_error:x", "cannot be imported: KeyError: 'no'"),
        ("my_slip:x", "cannot be imported: SyntaxError"),
        ("math:pi", "has no Python source"),
        ("__main__:x", "in the script that starts the grid, .*: put it into a module"),
        ("my_losses", r"must be package\.module:name"),
        (3, r"must be text|valid string"),
    ],
)
def test_what_is_no_objective_is_refused_with_its_place(own_modules, reference, reason):
    write_modules(
        own_modules,
        my_exit="import sys\nsys.exit(0)\n",
        my_error="raise KeyError('no')\n",
        my_slip="this is no Python\n",
    )
    with pytest.raises(GridError, match=rf"^grid: models\.0\.objective: .*{reason}"):
        _parsed(models=[{**OWN, "objective": reference}])


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        (
            {"train": {"architecture": "my_value:value"}},
            "train.architecture: .* is int, which is not",
        ),
        (
            {"train": {"architecture": "small"}},
            "architecture: must be 'burgess' or 'locatello', or",
        ),
        ({"datasets": ["my_value:value"]}, "datasets.0: .* no function or class"),
        ({"datasets": ["my_losses:sparse"]}, "datasets.0: .* 'terms' must have a default that is"),
        ({"datasets": [{**RINGS, "radus": 3}]}, "has no option 'radus'; its options are: radius"),
        ({"datasets": [{**RINGS, "radius": "a"}]}, "datasets.0.radius: .* must be a finite number"),
        ({"datasets": [{**RINGS, "side": 30}]}, "images are 30x30; the models need"),
        ({"figures": ["my_value:value"]}, "figures.0: .* is not a function"),
        ({"figures": "my_plots:kl_by_model"}, "figures: must be a list"),
        ({"figures": ["kl"]}, "figures.0: must be package.module:name"),
    ],
)
def test_what_is_something_else_is_refused_with_its_place(own_modules, parts, reason):
    write_modules(own_modules, my_value="value = 1\n")
    with pytest.raises(GridError, match=reason):
        _parsed(**parts)


def test_options_are_numbers_with_names_of_their_own_and_lists_are_axes(own_modules):
    own = {**OWN, "options": {"strength": [1, 10, 4], "warm_up": [5, 6]}}
    found = [spec.options for spec in _specs(models=[own])]
    assert len(found) == 6
    assert found[0] == {"strength": 1, "warm_up": 5}
    for options, reason in (
        ({"strength": "a"}, r"models\.0\.options\.strength: must be a number"),
        ({"strength": True}, r"models\.0\.options\.strength: must be a number"),
        ({"strength": float("inf")}, "must be finite"),
        ({"strength": []}, r"models\.0\.options\.strength: is an empty list"),
        ({"steps": 5}, "must not have steps, which is a setting of every model"),
        ({"a b": 5}, "must have names of letters, digits and _"),
        ([1], r"models\.0\.options"),
    ):
        with pytest.raises(GridError, match=reason):
            _parsed(models=[{**OWN, "options": options}])
    for entry in ({**OWN, "strength": 1}, {"kind": "vae", "options": {}}):
        with pytest.raises(GridError, match="unknown key"):
            _parsed(models=[entry])


def test_an_own_architecture_draws_its_own_weights_and_is_no_factor_channel(own_modules):
    train = {"architecture": "my_nets:small", "initialisation": "kaiming"}
    with pytest.raises(GridError, match=r"train\.initialisation: must be left out"):
        _parsed(train=train)
    channel = {"kind": "factor_channel", "gamma": 1, "capacity": 2, "anneal_steps": 9}
    with pytest.raises(GridError, match=r"train\.architecture: must be 'burgess' or 'locatello'"):
        _parsed(models=[channel], train={"architecture": "my_nets:small"})


def test_what_may_fail_shares_a_pack_with_its_like_alone(own_modules):
    (own_modules / "my_other.py").write_text(EXAMPLES["my_losses.py"])
    other = {**OWN, "objective": "my_other:sparse"}
    specs = _specs(
        models=[{"kind": "vae"}, OWN, other, {"kind": "beta_vae", "beta": 4}], seeds=[0, 1]
    )
    packs = make_packs(specs, Execution(), 8)
    names = [{getattr(spec, "objective", "")[:9] for spec in pack.specs} for pack in packs]
    assert names == [{""}, {"my_losses"}, {"my_other:"}]
