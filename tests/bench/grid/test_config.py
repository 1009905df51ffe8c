"""Grids: what is refused and where, what is one run and what are two."""

import math

import numpy as np
import pytest

from bench.errors import GridError, GridWarning
from bench.grid.expand import expand
from bench.grid.identity import group_id, run_id
from bench.grid.load import load_grid, parse_grid
from bench.grid.problems import OF_THE_COMMAND
from bench.grid.yaml_text import read_yaml
from bench.options.run import parser
from metrics import METRICS

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
    small = {"name": "ball", "radius": 4}
    assert run_id(_one(datasets=[small])) == "4b5abbc5c51aa867"
    four = [{"kind": "beta_vae", "beta": 4}]
    assert run_id(_one(datasets=[small], models=four)) == "e73e9fa19749a249"
    # What a ball is without options is settled first: it has been another one.
    assert run_id(_one()) == run_id(_one(datasets=[{"name": "ball", "radius": 7.5, "margin": 0}]))
    assert run_id(_one()) == "18cf7813af545bf8"


def test_files_of_a_grid_lie_where_the_grid_lies(tmp_path, monkeypatch):
    data = tmp_path / "grid" / "data"
    data.mkdir(parents=True)
    images = np.zeros((64, 16, 16), np.uint8)
    np.savez(data / "mine.npz", images=images, factors=np.indices((8, 8)).reshape(2, 64).T)
    entry = "{name: file, path: %s, factor_names: [size, hue]}"
    text = f"name: g\nseeds: [0]\ndatasets: [{entry}]\nmodels:\n"
    text += f"  - {{kind: vae}}\n  - {{kind: beta_vae, beta: 4, datasets: [{entry}]}}\n"
    grid = tmp_path / "grid" / "g.yaml"
    monkeypatch.chdir(tmp_path)
    found = {}
    for path in ("data/mine.npz", "./data/../data/mine.npz", str(data / "mine.npz")):
        grid.write_text(text % (path, path))
        specs = expand(load_grid("grid/g.yaml"))
        assert len(specs) == 2  # a list of names is no axis
        for spec in specs:
            options = {"path": str(data / "mine.npz"), "factor_names": ["size", "hue"]}
            assert spec.dataset.options == options
        found[path] = [run_id(spec) for spec in specs]
    assert len({tuple(ids) for ids in found.values()}) == 1
    # What stored runs have as whole path stays as it was written.
    odd = f"{tmp_path}/grid//data/mine.npz"
    grid.write_text(text % (odd, odd))
    assert expand(load_grid(grid))[0].dataset.options["path"] == odd
    monkeypatch.chdir(data)
    in_python = parse_grid({**BASE, "datasets": [{"name": "file", "path": "mine.npz"}]})
    assert expand(in_python)[0].dataset.options == {"path": str(data / "mine.npz")}


def test_what_a_file_lacks_is_refused_with_the_grid(tmp_path):
    path = tmp_path / "mine.npz"
    images, factors = np.zeros((8, 16, 16), np.uint8), np.arange(8)
    for arrays, options, place, says in (
        ({"images": images}, {}, ".path", "no array 'factors'; it has: images"),
        ({"images": images, "factors": factors[:5]}, {}, ".path", "8 images but 5 rows of factors"),
        ({"images": images.astype(int), "factors": factors}, {}, ".path", "must be uint8, bool"),
        (
            {"images": images, "factors": factors},
            {"factor_names": ["a", "b"]},
            ".path",
            "1 different",
        ),
        ({"images": images, "factors": factors}, {"factor_names": "a"}, ".factor_names", "a list"),
        ({"images": images, "factors": factors}, {"factor_names": [1]}, ".factor_names", "a list"),
        ({"images": images, "factors": factors}, {"factor_bins": 1}, ".factor_bins", "in 2 .. "),
        ({"images": images, "factors": factors}, {"path": "x.npz"}, ".path", "there is no file"),
    ):
        np.savez(path, **arrays)
        grid = {**BASE, "datasets": [{"name": "file", "path": str(path), **options}]}
        with pytest.raises(GridError, match=f"grid: datasets.0{place}: .*{says}"):
            parse_grid(grid)


def test_without_factors_there_are_no_models_of_them(tmp_path):
    np.savez(tmp_path / "faces.npz", images=np.zeros((9, 16, 16), np.uint8))
    faces = {"name": "file", "path": str(tmp_path / "faces.npz"), "without_factors": True}
    train = {"steps": 9, "batch_size": 4}
    grid = {**BASE, "datasets": [faces, "ball"], "train": train, "baselines": True}
    kinds = {(spec.dataset.name, spec.kind) for spec in expand(parse_grid(grid))}
    assert {kind for name, kind in kinds if name == "ball"} - {
        kind for name, kind in kinds if name == "file"
    } == {"baseline_truth"}
    channel = {"kind": "factor_channel", "gamma": 1, "capacity": 2, "anneal_steps": 3}
    for model in (channel, {"kind": "baseline_truth"}):
        own = {**BASE, "train": train, "models": [{**model, "datasets": ["ball", faces]}]}
        if model is not channel:
            del own["train"]
        with pytest.raises(GridError, match=r"models.0.kind: needs factors, of which file has"):
            expand(parse_grid(own))
    # What is not trained has no batches, so that a few images are enough.
    pca = {**BASE, "models": [{"kind": "baseline_pca", "n_latents": 2, "datasets": [faces]}]}
    assert [spec.kind for spec in expand(parse_grid(pca))] == ["baseline_pca"]


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
        ("{name: ../a, datasets: [ball], seeds: [0], models: [{kind: vae}]}", "name: must be up"),
        ("{name: a, datasets: [bal], seeds: [0], models: [{kind: vae}]}", "datasets.0: "),
        ("{name: a, datasets: [], seeds: [0], models: [{kind: vae}]}", "datasets: "),
        (
            "{name: a, datasets: [{name: color_dsprites, random_color: false, low: 0}], seeds: [0],"
            " models: [{kind: vae}]}",
            "datasets.0.low: color_dsprites: option 'low' has no effect",
        ),
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
    assert found == [("vae", 7.5, 0)] + [
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


# What people write, and where they read what they should have written.
SLIPS = {
    "metrics: mig": "metrics: must be a list, not mig; write metrics: [mig]",
    "metrics: all": "not all; name those that you want: metrics: [mig, dci]",
    "metrics:": "metrics: must be a list, not null; name one at least, or leave the key out",
    "metrics: {mig: {n_bins: 10}}": "write metrics: [{name: mig, n_bins: 10}]",
    "metrics: {name: mig, n_bins: 10}": "write metrics: [{name: mig, n_bins: 10}]",
    "metrics: [{mig: {n_bins: 10}}]": "metrics.0: must be a mapping with 'name'; write {name: mig",
    "metrics: [MIG]": "metrics.0: unknown metric 'MIG'; did you mean 'mig'?",
    "metrics: [mig_histogram]": "did you mean 'mig'?",
    "metrics: [mig, 3]": "metrics.1: must be a mapping with 'name', not 3",
    "metrics: [{mine: 'a:b', n_bins: 3}]": "metrics.0: a:b is a function from outside, which takes",
    "metrics: [{name: mig, n_bins: 1e2}]": "from 2 to 10,000, not 100.0; write 100",
    "evaluation: all": "evaluation: must be a mapping, not all; write evaluation: {images: all}",
    "evaluation: 1000": "write evaluation: {images: 1000}",
    "evaluation: [1000]": "evaluation: must be a mapping",
    "evaluation: {images: 1e3}": "evaluation.images: must be all, or a whole number from 1 on, not "
    "1000.0; write 1000",
    "evaluation: {image: 9}": "evaluation.image: unknown key; did you mean 'images'?",
    "train: {steps: 1e5}": "train.steps: must be a whole number, not 100000.0; write 100000",
    "train: {steps: '1e5'}": "train.steps: must be a whole number, not '1e5'; write 100000",
    "train: {steps: }": "train.steps: is empty; write a value after the colon",
    "train: {learning_rate: '1e-3'}": "must be a number, not '1e-3'; write 1e-3 without quotes",
    "train: {learningrate: 1}": "train.learningrate: unknown key; did you mean 'learning_rate'?",
    "train: {beta: 4}": "train.beta: unknown key here; it belongs in an entry of models",
    "train: [{steps: 5}]": "train: must be a mapping, not [{steps: 5}]; write train: ",
    "seeds: 5": "seeds: must be a list, not 5; write seeds: [5] for this one, or list them: seeds: "
    "[0, 1, ..., 4]",
    "seeds: 0-4": "seeds: must be a list, not '0-4'; list them: seeds: [0, 1, 2]",
    "seed: [0]": "seed: unknown key; did you mean 'seeds'?",
    "datasets: ball": "datasets: must be a list, not ball; write datasets: [ball]",
    "datasets: [{ball: {radius: 3}}]": "write {name: ball, radius: 3}",
    "datasets: [{name: ball, correlated: }]": "datasets.0.correlated: is empty; write a value "
    "after the colon, or leave the key out",
    "datasets: [{name: ball, radius: [3, null]}]": "datasets.0.radius.1: is empty; write a value, "
    "or leave it out",
    "datasets: [{name: ball, radius: [[3]]}]": "datasets.0.radius.0: must be a finite number, text",
    "datasets: [{name: ball, radius: .nan}]": "datasets.0.radius: must be a finite number, text, ",
    "models: [{kind: vae, datasets: [{name: ball, resize: }]}]": "models.0.datasets.0.resize: is "
    "empty; write a value after the colon",
    "models: [{kind: beta_vae, beta: [1, null]}]": "models.0.beta.1: is empty; write a value, or",
    "dataset: [ball]": "dataset: unknown key; did you mean 'datasets'?",
    "models: {kind: vae}": "models: must be a list, not {kind: vae}; write models: [{kind: vae}]",
    "models: vae": "write models: [{kind: vae}]",
    "models: {beta_vae: {beta: 4}}": "write models: [{kind: beta_vae, beta: 4}]",
    "models: [vae]": "models.0: must be a mapping with 'kind'; write {kind: vae}",
    "models: [{kind: beta_vae, beta: '4'}]": "models.0.beta: must be a number, not '4'; write 4 "
    "without quotes",
    "models: [{kind: beta_vae, beta:4}]": "write a blank after the colon: beta: 4",
    "models: [{kind: beta_vae, betta: 4}]": "models.0.betta: unknown key; did you mean 'beta'?",
    "models: [{kind: beta-vae}]": "models.0.kind: must be one of 'vae'",
    "models: [{kind: betavae}]": "not betavae; did you mean 'beta_vae'?",
    "models: [{kind: vae, C: 25}]": "models.0.C: unknown key; known are kind, n_latents",
    "baselines: yes": "baselines: must be true or false, not yes; write true",
    "name: 2024": 'name: must be text, not 2024; write "2024"',
    "device: cuda": "device: unknown key; it is an option of the command, --device",
    "steps: 100": "steps: unknown key here; it belongs in train",
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_answered_with_what_to_write(slip):
    with pytest.raises(GridError) as refused:
        parse_grid({**BASE, **read_yaml(slip, "grid")})
    message = str(refused.value)
    assert message.startswith(f"grid: {slip.partition(':')[0]}")
    assert SLIPS[slip] in message
    assert message.isprintable()


@pytest.mark.parametrize("key", ["datasets", "models", "train"])
def test_a_key_that_is_no_text_is_refused(key):
    entry = {**({"name": "ball"} if key == "datasets" else {"kind": "vae"}), 1: 2}
    with pytest.raises(GridError, match=rf"^grid: {key}"):
        parse_grid({**BASE, key: {1: 2} if key == "train" else [entry]})


PAIR = ["position_x", "position_y"]


@pytest.mark.parametrize(
    ("correlated", "hint"),
    [
        (
            {"pairs": [PAIR], "strength": [0.1, 1]},
            "; to vary strength, list whole mappings: correlated: [{pairs: [[position_x, "
            "position_y]], strength: 0.1}, {pairs: [[position_x, position_y]], strength: 1}]",
        ),
        (
            {"pairs": [[PAIR]], "strength": 1},
            "; to vary pairs, list whole mappings: correlated: [{pairs: [[position_x, "
            "position_y]], strength: 1}]",
        ),
        # Would be refused as a list of mappings, too.
        ({"pairs": [PAIR], "strength": [0.1, -1]}, ""),
        ({"pairs": [PAIR], "strength": []}, ""),
    ],
)
def test_a_list_inside_a_mapping_is_no_axis(correlated, hint):
    with pytest.raises(GridError, match=r"^grid: datasets\.0\.correlated: ball: ") as refused:
        parse_grid({**BASE, "datasets": [{"name": "ball", "correlated": correlated}]})
    assert str(refused.value).partition("; to vary")[1:] == hint.partition("; to vary")[1:]
    if hint:
        axis = read_yaml(hint.partition(": ")[2], "grid")
        parse_grid({**BASE, "datasets": [{"name": "ball", **axis}]})


def test_options_of_the_command_are_told_from_keys_of_a_grid():
    there = {action.dest for action in parser()._actions}
    assert {*OF_THE_COMMAND} <= there


# Of every type that an option may have, what is none, or nothing that can be computed.
IMPOSSIBLE = {
    int: [0, -1, 10**9, 10**400, 1e5, 2.5, True, "4", [4], math.nan, {}],
    float: [-1, -1e-9, 1e30, 10**400, math.nan, math.inf, True, "0.1", [0.1]],
    bool: [0, 1, "yes", None],
    str: ["nosuch", 3, True, ["histogram"]],
    tuple: ["position_x", 3, [-1], [2], ["colour"], [0, 1], ["position_x", "position_y"], [1.5]],
}
OPTIONS = [(name, option) for name, info in METRICS.items() for option in info.options]


@pytest.mark.parametrize(("name", "option"), OPTIONS)
def test_every_option_of_every_metric_is_checked_before_anything_is_trained(name, option):
    default = METRICS[name].options[option]
    # Without a default it is a number of replicates, or of bins, or what to compare with.
    kind = type(default) if default is not None else float if option == "threshold" else int
    for value in IMPOSSIBLE[kind]:
        entry = {"name": name, option: value}
        with pytest.raises(GridError, match=rf"^grid: metrics.*{option}") as refused:
            parse_grid({**BASE, "metrics": [entry]})
        assert len(str(refused.value)) < 400
    if default not in (None, ()):
        parse_grid({**BASE, "metrics": [{"name": name, option: default}]})


def test_what_one_dataset_has_may_be_left_out_though_another_has_nothing_else():
    metrics = [{"name": "mig", "exclude": ["position_x", "position_y"]}]
    parse_grid({**BASE, "datasets": ["ball", "dsprites"], "metrics": metrics})
