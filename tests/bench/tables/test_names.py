"""Names of models: no two alike, short where settings are shared, and nothing left unsaid."""

import numpy as np
import pandas as pd
import pytest

from bench.grid import KINDS, TrainedSpec
from bench.grid.expand import expand
from bench.grid.identity import group_id
from bench.grid.load import parse_grid
from bench.tables import dataset_heading, model_names, shared_settings
from bench.tables.collect import _describe
from bench.tables.headings import dataset_headings
from bench.tables.names import TRAINING, WORDS, in_words


class _Run:
    """What `_describe` reads of a stored run."""

    def __init__(self, spec, precision="float32"):
        self.spec, self.run_id, self.group_id = spec, str(id(spec)), group_id(spec)
        self.precision, self.manifest = precision, self
        self.dataset = self.execution = self.versions = self
        self.n_images = self.device = self.threads = self.torch = 0
        self.pack, self.origin = [], ""


def _runs(precision="float32", **grid):
    whole = {"name": "g", "datasets": ["ball"], "seeds": [0, 1], "models": [{"kind": "vae"}]}
    specs = expand(parse_grid({**whole, **grid}))
    return pd.DataFrame([_describe(_Run(spec, precision)) for spec in specs])


def _names(runs):
    return list(dict.fromkeys(model_names(runs)))


MODELS = [{"kind": "vae"}, {"kind": "beta_vae", "beta": [4, 0.5]}]


def test_what_all_share_is_in_no_name_and_is_said_once():
    runs = _runs(models=MODELS, train={"steps": 15000, "batch_size": 16}, baselines=True)
    assert _names(runs) == [
        "VAE",
        "β-VAE β=4",
        "β-VAE β=0.5",
        "untrained encoder",
        "random codes",
        "PCA",
        "true factors",
    ]
    (sentence,) = shared_settings(runs)
    assert sentence.startswith("All models: 15,000 steps, batches of 16, learning rate 0.0005, ")
    assert sentence.endswith("scored on all images, float32.")


def test_a_setting_is_in_the_name_where_it_is_not_the_usual_one():
    runs = _runs(models=[*MODELS, {"kind": "beta_vae", "beta": 4, "steps": 6000}])
    assert _names(runs) == ["VAE", "β-VAE β=4", "β-VAE β=0.5", "β-VAE β=4, 6,000 steps"]
    (everywhere, usual) = shared_settings(runs)
    assert "steps" not in everywhere
    assert usual == "Unless a name says otherwise: 300,000 steps."


def test_where_none_is_usual_every_name_has_it():
    runs = _runs(models=MODELS, train={"learning_rate": [1e-3, 1e-4]}, baselines=True)
    assert {"VAE, learning rate 0.001", "VAE, learning rate 0.0001", "PCA"} <= {*_names(runs)}
    assert "learning rate" not in " ".join(shared_settings(runs))


def test_another_dataset_changes_no_name():
    models = [{"kind": "vae"}, {"kind": "vae", "datasets": ["dsprites"], "steps": 10}]
    runs = _runs(models=models)
    assert _names(runs) == ["VAE"]
    for _, part in runs.groupby("dataset"):
        assert len(shared_settings(part)) == 1


def test_two_precisions_are_two_models():
    runs = pd.concat([_runs(), _runs("bfloat16")], ignore_index=True)
    assert _names(runs) == ["VAE, float32", "VAE, bfloat16"]


def test_settings_of_one_kind_are_compared_with_that_kind_alone():
    capacity = {"kind": "capacity_vae", "gamma": 100, "capacity": [5, 25]}
    models = [
        {**capacity, "anneal_steps": 50000},
        {"kind": "annealed_beta_vae", "beta_start": 16, "beta_end": 1, "anneal_steps": 9},
        {"kind": "factor_channel", "channel": "learnt", "gamma": 1, "capacity": 2}
        | {"anneal_steps": 7, "steps": 12, "learning_rate": 2.0e-3},
    ]
    runs = _runs(models=models)
    assert _names(runs) == [
        "capacity γ=100 C=5",
        "capacity γ=100 C=25",
        "annealed β-VAE β=16→1",
        "learnt factor channel γ=1 C=0.5→2",
    ]
    said = " ".join(shared_settings(runs))
    assert "All capacity models: annealed over 50,000 steps." in said
    assert "All annealed β-VAE models: annealed over 9 steps." in said
    assert "All factor channels: 12 steps, " in said
    assert "channel rate 0.00015" in said
    more = _runs(models=[*models, {**capacity, "anneal_steps": 80000}])
    assert "capacity γ=100 C=5, annealed over 80,000 steps" in _names(more)


def test_no_two_groups_of_a_dataset_have_one_name_whatever_they_differ_in():
    rng = np.random.default_rng(0)
    settings = {
        "steps": [10, 20],
        "batch_size": [8, 16],
        "n_latents": [4, 6],
        "likelihood": ["bernoulli", "gaussian"],
        "initialisation": ["kaiming", "pytorch"],
        "architecture": ["burgess", "locatello"],
    }
    for _ in range(10):
        train = {k: v if rng.random() < 0.5 else v[0] for k, v in settings.items()}
        runs = _runs(models=MODELS, train=train, baselines=True)
        chosen = rng.random(len(runs)) < 0.6
        some = runs[chosen | (np.arange(len(runs)) == 0)]
        named = some.assign(label=model_names(some)).groupby("label")["group_id"].nunique()
        assert (named == 1).all()


@pytest.mark.parametrize("kind", [k for k, cls in KINDS.items() if issubclass(cls, TrainedSpec)])
def test_every_setting_of_a_trained_model_has_words(kind):
    cls = KINDS[kind]
    for name in {*cls.model_fields} - {"kind", "dataset", "seed", "evaluation"}:
        assert f"{{{name}" in cls.template or name in WORDS or name in TRAINING


def test_a_warm_up_is_said_where_there_is_one():
    plain = {"kind": "factor_vae", "gamma": 6}
    assert not any("warm" in text for text in shared_settings(_runs(models=[plain])))
    warmed = {**plain, "warm_up_steps": 100}
    assert "warmed up over 100 steps" in " ".join(shared_settings(_runs(models=[warmed])))
    assert _names(_runs(models=[plain, warmed])) == [
        "FactorVAE γ=6, no warm-up",
        "FactorVAE γ=6, warmed up over 100 steps",
    ]


def test_words_of_settings():
    assert in_words("evaluation_images", "10000") == "scored on 10,000 images"
    assert in_words("initialisation", "kaiming") == "Kaiming initialisation"
    assert in_words("made_up", "so") == "made up so"


def test_names_are_the_same_in_every_table(small_store):
    tables = {
        name: pd.read_csv(small_store / "tables" / f"{name}.csv") for name in ("runs", "summary")
    }
    labels = [{*table["label"]} for table in tables.values()]
    assert labels[0] == labels[1]


DIGEST = '{"factors": "0123456789abcdef"}'


def test_a_digest_is_no_name():
    assert dataset_heading("mine", DIGEST) == "mine"
    assert dataset_heading("mine", '{"content": "arrays/1/0123"}') == "mine"
    binned = '{"factors": "0123456789abcdef", "factor_bins": 8}'
    assert dataset_heading("mine", binned) == "mine (factors in 8 bins)"
    # A name that a user gave.
    assert "factors labels" in dataset_heading("file", '{"path": "a.npz", "factors": "labels"}')


def test_two_datasets_of_one_name_are_told_apart():
    other = '{"factors": "fedcba9876543210"}'
    pairs = [("mine", DIGEST), ("mine", other), ("mine", DIGEST), ("ball", "{}")]
    headings = dataset_headings(pairs)
    assert headings["ball", "{}"] == dataset_heading("ball", "{}")
    assert headings["mine", DIGEST] == "mine (factors 012345)"
    assert headings["mine", other] == "mine (factors fedcba)"
    assert dataset_headings(pairs[:1]) == {("mine", DIGEST): "mine"}


def test_a_file_is_called_by_its_name():
    assert dataset_heading("file", '{"path": "/somewhere/else/mine.npz"}') == "mine.npz"
    pairs = [("file", f'{{"path": "/{place}/mine.npz"}}') for place in ("here", "there")]
    assert [*dataset_headings(pairs).values()] == [
        "mine.npz (path /here/mine.npz)",
        "mine.npz (path /there/mine.npz)",
    ]


def test_options_stand_in_words_and_pictures_by_their_names():
    alone = '{"path": "/here/faces.npz", "without_factors": true, "pad": 32}'
    assert dataset_heading("file", alone) == "faces.npz (without factors, padded to 32×32 pixels)"
    pairs = [("scream_dsprites", f'{{"picture": "/{place}/a.jpg"}}') for place in ("here", "there")]
    assert dataset_heading(*pairs[0]) == "scream_dsprites (picture a.jpg)"
    assert [*dataset_headings(pairs).values()] == [
        "scream_dsprites (picture /here/a.jpg)",
        "scream_dsprites (picture /there/a.jpg)",
    ]


@pytest.mark.parametrize("name", ["VAE", "β-VAE β=4", "PCA", "true factors"])
def test_codes_that_are_called_as_a_model_is_are_told_apart_from_it(name):
    runs = _runs(models=MODELS, baselines=True)
    codes = pd.DataFrame(
        [
            {
                **runs.iloc[0].to_dict(),
                "kind": "codes",
                "label": called,
                "group_id": f"codes {called}",
            }
            for called in (name, f"{name} (codes)", "mine")
        ]
    )
    names = _names(pd.concat([runs, codes], ignore_index=True))
    assert len({*names}) == len(names) == len(_names(runs)) + 3
    assert names[: len(_names(runs))] == _names(runs)
    assert names[-3:] == [f"{name} (codes)", f"{name} (codes) (codes)", "mine"]
    # Alone, they are called what they were given as.
    assert _names(codes) == [name, f"{name} (codes)", "mine"]
