"""Factor channels as a grid has them: identity, packs, and what does not apply to them."""

import pytest

from bench.errors import GridError
from bench.grid.expand import expand
from bench.grid.identity import canonical, run_id
from bench.grid.load import parse_grid
from bench.grid.packs import Execution, make_packs
from bench.grid.specs import CHANNEL_RATE, SPEC_ADAPTER
from tests.bench.factor_channels import CHANNEL, GRID, LEARNT, channel_spec


def test_a_channel_shares_no_pack_with_a_vae():
    vae = SPEC_ADAPTER.validate_python(
        {
            "kind": "vae",
            "dataset": channel_spec().dataset.model_dump(),
            "batch_size": 16,
            "steps": 400,
        }
    )
    specs = [vae, channel_spec(), channel_spec(seed=1, gamma=7)]
    # Nor a learnt one with an exact one, or with one of another rate.
    learnt = [
        channel_spec(**LEARNT),
        channel_spec(**LEARNT, seed=1),
        channel_spec(channel="learnt", channel_rate=1e-3),
    ]
    packs = make_packs([*specs, *learnt], Execution(), 8)
    assert [pack.specs for pack in packs] == [
        (vae,), (specs[1], specs[2]), (learnt[0], learnt[1]), (learnt[2],)
    ]  # fmt: skip


def test_the_number_of_latents_of_a_grid_does_not_apply_to_it():
    models = [{"kind": "vae"}, CHANNEL]
    grid = {**GRID, "models": models, "train": {"n_latents": [4, 10]}, "baselines": False}
    specs = expand(parse_grid(grid))
    kinds = [spec.kind for spec in specs]
    assert (kinds.count("vae"), kinds.count("factor_channel")) == (4, 2)
    assert not any(hasattr(s, "n_latents") for s in specs if s.kind == "factor_channel")
    with pytest.raises(GridError, match="n_latents: unknown key"):
        parse_grid({**grid, "models": [{**CHANNEL, "n_latents": 10}]})
    with pytest.raises(GridError, match="anneal_steps: 300 is more than the 200 steps"):
        parse_grid({**grid, "train": {"steps": 200}})
    partial = {"steps": 200, "allow_partial_anneal": True}
    assert len(expand(parse_grid({**grid, "models": [CHANNEL], "train": partial}))) == 2


def test_its_identity_never_changes():
    grid = {**GRID, "datasets": [{"name": "ball", "radius": 4}], "seeds": [0], "baselines": False}
    channel = {"kind": "factor_channel", "gamma": 1000, "capacity": 25, "anneal_steps": 100_000}

    def made(**fields):
        (spec,) = expand(parse_grid({**grid, "train": {}, "models": [{**channel, **fields}]}))
        return spec

    exact = made(channel="exact")
    # A stored run is found by it.
    assert run_id(exact) == "cde7a1d6138a9558"
    assert run_id(made(channel="exact", capacity_start=0.5)) == run_id(exact)
    assert exact.template.format(**exact.model_dump()) == "exact factor channel γ=1000 C=0.5→25"
    # What was stored before there was a choice is exact, and says so today.
    stored = {key: value for key, value in exact.model_dump().items() if "channel" not in key}
    assert "channel" not in canonical(exact)
    spec = SPEC_ADAPTER.validate_python({**stored, "kind": "factor_channel"})
    assert (run_id(spec), spec.channel, spec.channel_rate) == (run_id(exact), "exact", None)
    learnt = made(channel="learnt")
    assert run_id(learnt) != run_id(exact)
    # Its rate is written out, so that another default would change no stored run.
    assert canonical(learnt)["channel_rate"] == CHANNEL_RATE
    assert run_id(made(channel="learnt", channel_rate=CHANNEL_RATE)) == run_id(learnt)
    with pytest.raises(GridError, match=r"models\.0\.channel_rate: must be left out of an exact"):
        made(channel="exact", channel_rate=1e-4)


def test_a_grid_that_names_no_channel_gets_the_learnt_one():
    models = [{key: value for key, value in CHANNEL.items() if key != "channel"}]
    grid = {**GRID, "seeds": [0], "baselines": False}
    (unnamed,) = expand(parse_grid({**grid, "models": models}))
    (named,) = expand(parse_grid({**grid, "models": [{**models[0], "channel": "learnt"}]}))
    assert run_id(unnamed) == run_id(named)
    axis = {**models[0], "channel": ["exact", "learnt"]}
    both = expand(parse_grid({**grid, "models": [axis]}))
    assert [spec.channel for spec in both] == ["exact", "learnt"]
