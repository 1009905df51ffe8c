"""Small factor channels, for the tests of grids and of training."""

from bench.grid.specs import SPEC_ADAPTER

from .conftest import SMALL_BALL

OPTIONS = {key: value for key, value in SMALL_BALL.items() if key != "name"}
CHANNEL = {
    "kind": "factor_channel", "channel": "exact", "gamma": 100, "capacity": 3, "anneal_steps": 300
}  # fmt: skip
LEARNT = {"channel": "learnt", "channel_rate": 1e-4}
GRID = {
    "name": "channel",
    "datasets": [SMALL_BALL],
    "seeds": [0, 1],
    "models": [{"kind": "vae", "steps": 3}, CHANNEL],
    "train": {"steps": 400, "batch_size": 16, "n_latents": 4, "learning_rate": 5e-3},
    "metrics": ["mig", "udr"],
    "baselines": True,
}


def channel_spec(**fields):
    """Return the spec of a small channel."""
    common = {"dataset": {"name": "ball", "options": OPTIONS}, "batch_size": 16}
    return SPEC_ADAPTER.validate_python({**CHANNEL, **common, "steps": 400, **fields})
