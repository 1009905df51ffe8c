"""Grids: what is refused and where, what is one run and what are two."""

import pytest

from bench.config import expand, load_grid, parse_grid
from bench.errors import GridError, GridWarning
from bench.specs import group_id, run_id

BASE = {"name": "g", "datasets": ["ball"], "seeds": [0], "models": [{"kind": "vae"}]}


def _one(**changes):
    (spec,) = expand(parse_grid({**BASE, **changes}))
    return spec


def test_identity_depends_on_meaning_alone():
    whole = _one(models=[{"kind": "beta_vae", "beta": 4}])
    decimal = _one(models=[{"beta": 4.0, "kind": "beta_vae", "steps": 300_000}])
    assert run_id(whole) == run_id(decimal)
    assert run_id(whole) != run_id(_one(models=[{"kind": "beta_vae", "beta": 5}]))
    seeded = _one(models=[{"kind": "beta_vae", "beta": 4}], seeds=[7])
    assert run_id(whole) != run_id(seeded)
    assert group_id(whole) == group_id(seeded)


def test_golden_identities_never_change():
    # A stored run is found by these: a change here retrains everybody.
    assert run_id(_one()) == "4b5abbc5c51aa867"
    assert run_id(_one(models=[{"kind": "beta_vae", "beta": 4}])) == "e73e9fa19749a249"


def test_axes_multiply_and_equal_specs_merge_with_a_warning():
    grid = {**BASE, "seeds": [0, 1], "train": {"learning_rate": [1e-3, 1e-4]}}
    grid["models"] = [{"kind": "vae"}, {"kind": "beta_vae", "beta": [1, 4]}]
    assert len(expand(parse_grid(grid))) == 2 * 2 * 3
    grid["models"] = [{"kind": "beta_vae", "beta": [4, 4.0]}]
    with pytest.warns(GridWarning, match="4 runs equal another"):
        parse_grid(grid)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name: a\nname: b\n", "line 2: found duplicate key"),
        ("[1, 2]", "must be a mapping"),
        ("name: a", "datasets: is missing"),
        ("{name: ../a, datasets: [ball], seeds: [0], models: [{kind: vae}]}", "name: String"),
        ("{name: a, datasets: [bal], seeds: [0], models: [{kind: vae}]}", "datasets.0: "),
        ("{name: a, datasets: [], seeds: [0], models: [{kind: vae}]}", "datasets: "),
        ("{name: a, datasets: [ball], seeds: [0.5], models: [{kind: vae}]}", "seeds.0: "),
        (
            "{name: a, datasets: [ball], seeds: [0], models: [{kind: vea}]}",
            "models.0.kind: must be one of",
        ),
        (
            "{name: a, datasets: [ball], seeds: [0], models: [{kind: vae}, "
            "{kind: beta_vae, beta: [1, -1]}]}",
            "models.1.beta.1: ",
        ),
        (
            "{name: a, datasets: [ball], seeds: [0], models: [{kind: beta_vae, beta: .nan}]}",
            "models.0.beta: ",
        ),
        (
            "{name: a, datasets: [ball], seeds: [0], models: [{kind: beta_vae}]}",
            "models.0.beta: is missing",
        ),
        (
            "{name: a, datasets: [ball], seeds: [0], models: [{kind: vae}], train: {step: 3}}",
            "train.step: unknown key",
        ),
        (
            "{name: a, datasets: [ball], seeds: [0], models: [{kind: vae}], metrics: [mgi]}",
            "metrics.0: unknown metric 'mgi'",
        ),
        (
            "{name: a, datasets: [ball], seeds: [0], train: {steps: 10}, models: "
            "[{kind: capacity_vae, gamma: 1, capacity: 1, anneal_steps: 20}]}",
            "models.0.anneal_steps: 20 is more than the 10 steps",
        ),
    ],
)
def test_bad_grids_are_refused_with_file_and_path(tmp_path, text, expected):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(GridError) as refused:
        load_grid(path)
    message = str(refused.value)
    assert message.startswith(f"{path}: {expected}")
    assert "\n" not in message


def test_a_model_may_bring_datasets_and_seeds_of_its_own():
    disc = {"name": "ball", "shape": "disc", "radius": [10, 16]}
    own = {"kind": "beta_vae", "beta": 150, "datasets": [disc], "seeds": [3, 4]}
    specs = expand(parse_grid({**BASE, "models": [{"kind": "vae"}, own]}))
    found = [(spec.kind, spec.dataset.options.get("radius"), spec.seed) for spec in specs]
    assert found == [("vae", None, 0)] + [
        ("beta_vae", radius, seed) for radius in (10, 16) for seed in (3, 4)
    ]


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({"seeds": 3}, "models.0.seeds: must be a list"),
        ({"seeds": []}, "models.0.seeds: must be a list"),
        ({"seeds": [-1]}, "models.0.seeds: "),
        ({"datasets": "ball"}, "models.0.datasets: must be a list"),
        ({"datasets": ["bal"]}, "models.0.datasets.0: "),
        ({"datasets": [{"name": "ball", "radius": -1}]}, "models.0.datasets.0.radius: "),
        ({"datasets": [3]}, "models.0.datasets.0: must be a dataset's name"),
        ({"batch_size": 2000}, "models.0.batch_size: batch_size 2000 is more than the 1024"),
    ],
)
def test_lists_of_a_models_own_are_checked_where_they_stand(own, expected):
    with pytest.raises(GridError, match=r"^grid: ") as caught:
        parse_grid({**BASE, "models": [{"kind": "vae", **own}]})
    assert expected in str(caught.value)


def test_baselines_stand_beside_every_dataset_that_something_is_trained_on():
    own = {"kind": "vae", "datasets": ["dsprites"], "seeds": [4]}
    grid = parse_grid({**BASE, "models": [{"kind": "vae"}, own], "baselines": True})
    found = {
        (spec.dataset.name, spec.seed) for spec in expand(grid) if spec.kind == "baseline_random"
    }
    shared = {(spec.dataset.name, spec.seed) for spec in expand(grid) if spec.kind == "vae"}
    assert found == shared
    assert ("dsprites", 4) in found
