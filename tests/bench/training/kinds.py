"""Every kind of VAE with settings under which it trains in a few steps, and how tests train it."""

import datasets
from bench.grid.packs import Execution, Pack
from bench.grid.specs import SPEC_ADAPTER
from bench.training.checkpoints import Checkpoints
from bench.training.context import Context
from bench.training.train import train

BALL = {"image_size": 16, "shape": "disc", "radius": 3, "grid_size": 8}
STEPS = 23
KINDS = {
    "vae": {},
    "beta_vae": {"beta": 4},
    "annealed_beta_vae": {"beta_start": 16, "beta_end": 1, "anneal_steps": 20},
    "capacity_vae": {"gamma": 100, "capacity": 5, "anneal_steps": 15},
    "beta_tcvae": {"beta": 4, "warm_up_steps": 10},
    "factor_vae": {"gamma": 10, "warm_up_steps": 10},
    "dip_vae_i": {"lambda_od": 5, "lambda_d": 50},
    "dip_vae_ii": {"lambda_od": 5, "lambda_d": 5},
    "control_vae": {"capacity": 3, "anneal_steps": 15, "k_i": 0.1},
    "info_vae": {"alpha": -0.5, "lambda_mmd": 50},
}


class PluggedOutError(Exception):
    """Somebody pulled the plug."""


def spec_of(kind, **fields):
    """Return a spec of a kind on a small ball."""
    common = {"dataset": {"name": "ball", "options": BALL}, "steps": STEPS, "batch_size": 16}
    own = {**common, "n_latents": 4, "initialisation": "kaiming", **KINDS.get(kind, {}), **fields}
    return SPEC_ADAPTER.validate_python({"kind": kind, **own})


def trained(specs, path=None, *, stop_at=None, **when):
    """Train a pack to its end, or until the plug is pulled after a step."""

    def report(steps, loss, stage=""):
        if steps == (stop_at or 0) * len(specs):
            raise PluggedOutError

    ball = datasets.load("ball", **BALL)
    context = Context(report, Checkpoints(path, **when))
    return list(train(Pack(tuple(specs), Execution()), ball, context))
