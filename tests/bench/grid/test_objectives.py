"""Kinds beyond the paper's in a grid: their fields, their names, and what a run of them is."""

import pytest

from bench.errors import GridError
from bench.grid.expand import expand
from bench.grid.identity import canonical, run_id
from bench.grid.load import parse_grid
from bench.grid.packs import Execution, make_packs
from bench.training.timing import _work

BASE = {"name": "g", "datasets": ["ball"], "seeds": [0]}
# Required fields, the label of a run with them, and its identity, which never changes.
KINDS = {
    "factor_vae": ({"gamma": 6.4}, "FactorVAE γ=6.4", "18ca1523c079e2bb"),
    "dip_vae_i": (
        {"lambda_od": 5, "lambda_d": 50.0},
        "DIP-VAE-I λod=5 λd=50",
        "721296c63a2a7082",
    ),
    "dip_vae_ii": (
        {"lambda_od": 5, "lambda_d": 2.5},
        "DIP-VAE-II λod=5 λd=2.5",
        "90220352f79fe657",
    ),
    "control_vae": ({"capacity": 18, "anneal_steps": 9000}, "ControlVAE C=18", "701c8c8222f744f3"),
    "info_vae": ({"alpha": -0.5, "lambda_mmd": 5.0}, "InfoVAE α=-0.5 λ=5", "1a5d891607b8a35f"),
}


def _one(kind, **fields):
    (spec,) = expand(parse_grid({**BASE, "models": [{"kind": kind, **fields}]}))
    return spec


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_has_its_name_and_identity(kind):
    fields, label, identity = KINDS[kind]
    spec = _one(kind, **fields)
    assert spec.template.format(**spec.model_dump()) == label
    assert run_id(spec) == identity
    assert canonical(spec).keys() == {"kind", "dataset", *fields}


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_kind_needs_is_asked_for_and_has_to_be_a_number(kind):
    fields, _, _ = KINDS[kind]
    for name in fields:
        others = {key: value for key, value in fields.items() if key != name}
        with pytest.raises(GridError, match=rf"models\.0\.{name}: is missing"):
            _one(kind, **others)
        for wrong in ("1", True, float("nan"), float("inf"), -(10**9)):
            with pytest.raises(GridError, match=rf"^grid: models\.0\.{name}: "):
                _one(kind, **{**fields, name: wrong})
    with pytest.raises(GridError, match=r"models\.0\.beta: unknown key"):
        _one(kind, **fields, beta=4)


@pytest.mark.parametrize("kind", ["factor_vae", "dip_vae_i", "dip_vae_ii", "info_vae"])
def test_images_that_are_compared_are_two_at_least(kind):
    with pytest.raises(GridError, match=r"models\.0\.batch_size: "):
        _one(kind, **KINDS[kind][0], batch_size=1)
    assert _one(kind, **KINDS[kind][0], batch_size=2).batch_size == 2


def test_what_trains_a_second_network_is_packed_and_timed_apart():
    models = [
        {"kind": "vae"},
        {"kind": "beta_vae", "beta": 4},
        {"kind": "factor_vae", "gamma": [1, 2]},
    ]
    packs = make_packs(expand(parse_grid({**BASE, "models": models})), Execution(), 8)
    assert [[spec.kind for spec in pack.specs] for pack in packs] == [
        ["vae", "beta_vae"],
        ["factor_vae", "factor_vae"],
    ]
    single = make_packs([spec for pack in packs for spec in pack.specs], Execution())
    first, second, *others = map(_work, single)
    assert first == second
    assert {*others} == {others[0]}
    assert others[0] != first


def test_an_infovae_draws_codes_to_the_prior_and_not_away_from_it():
    for alpha, least in ((1, 0), (0, 1), (-0.5, 1.5)):
        assert _one("info_vae", alpha=alpha, lambda_mmd=least).lambda_mmd == least
        with pytest.raises(GridError, match=r"models\.0\.lambda_mmd: must be "):
            _one("info_vae", alpha=alpha, lambda_mmd=least - 0.01)
    with pytest.raises(GridError, match=r"models\.0\.alpha: "):
        _one("info_vae", alpha=1.01, lambda_mmd=5)
