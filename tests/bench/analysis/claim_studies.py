"""Synthetic studies in which each verdict is known."""

import json
import math

import numpy as np
import pandas as pd

from bench.analysis.claims import (
    judge,
)
from bench.tables.collect import Tables

FACTORS = ("shape", "scale", "orientation", "position_x", "position_y")
SHARED = {
    "dataset_options": "{}",
    "precision": "float32",
    "evaluation_images": "all",
    "evaluation_seed": 0,
    "architecture": "burgess",
    "likelihood": "bernoulli",
    "steps": 100_000,
    "batch_size": 64,
    "learning_rate": 5e-4,
    "n_latents": 10,
}
OWN = ("beta", "beta_start", "beta_end", "gamma", "capacity", "anneal_steps", "channel")
# Seeds differ by this much, so that intervals have a width.
SPREAD = np.linspace(-1, 1, 10)
COLUMNS = {"kl": ["run_id", "latent", "kl"], "history": ["run_id", "step", "kl", "c"]}


class Study:
    """Builds tables run by run."""

    def __init__(self, dataset, **shared):
        self.shared = {"dataset": dataset, **SHARED, **shared}
        self.rows, self.kl, self.curves = [], [], []

    def model(self, kind, seeds=10, kl=(2.0, 2.0), curve=None, **values):
        """Add a model: each value is a number, or a function of the seed."""
        seeds = range(seeds) if isinstance(seeds, int) else seeds
        for seed in seeds:
            given = {k: v(seed) if callable(v) else v for k, v in values.items()}
            row = {**self.shared, "kind": kind, "seed": seed, **given}
            own = json.dumps([row.get(name) for name in (*OWN, *self.shared)])
            per_latent = kl(seed) if callable(kl) else kl
            row |= {"run_id": f"{kind}{own}{seed}", "group_id": f"{kind}{own}"}
            row |= {"label": row.get("label", f"{kind} {own}"), "kl": sum(per_latent)}
            self.rows.append(row)
            names = FACTORS if kind == "factor_channel" else [f"z{j}" for j in range(10)]
            self.kl += [(row["run_id"], n, v) for n, v in zip(names, per_latent, strict=False)]
            if curve is not None:
                self.curves.append(curve(seed).assign(run_id=row["run_id"]))
        return self

    def tables(self):
        empty = pd.DataFrame()
        scores = pd.DataFrame(columns=["run_id", "metric", "reason", "warnings"])
        history = (
            pd.concat(self.curves) if self.curves else pd.DataFrame(columns=COLUMNS["history"])
        )
        runs = pd.DataFrame(self.rows)
        for name in OWN:
            if name not in runs:
                runs[name] = math.nan
        kl = pd.DataFrame(self.kl, columns=COLUMNS["kl"])
        return Tables(runs, empty, empty, kl, history, scores, empty, empty, empty)


def verdict_of(study, number):
    (found,) = [v for v in judge(study.tables()) if v.claim == number and v.headline]
    return found


def balls(passing, seeds=10, plateau=(), **values):
    """Return a ball study in which so many seeds pass."""
    study = Study("ball")
    study.model(
        "vae",
        seeds,
        kl=lambda seed: (0.01,) * 4 if seed in plateau else (3.0, 2.0, 1.0, 0.5, 0.05),
        beta=1.0,
    )
    study.model("beta_vae", seeds, beta=4.0, kl=(2.0, 2.0, 0.5))
    good = {"factor_regression": lambda seed: 0.95 if seed < passing else 0.5}
    study.model("beta_vae", seeds, beta=30.0, kl=(1.5, 1.4, 0.05), **(good | values))
    # Collapsed, however well it scores.
    return study.model("beta_vae", seeds, beta=150.0, kl=(0.4, 0.4), factor_regression=1.0)


def smooth(high, low=0.6, seeds=10, step=0.02, **values):
    study = Study("ball").model("vae", seeds, beta=1.0, smoothness=lambda s: low + step * SPREAD[s])
    noise = [1, -1, 1, 1, -1, -1, 1, -1, 1, -1]
    values = {"smoothness": lambda s: high + step * (SPREAD[s] + noise[s]), **values}
    return study.model("beta_vae", seeds, beta=30.0, trustworthiness=0.97, **values)


def channel_history(onsets, steps=100_000, rows=600):
    """Return a history in which a factor comes into use at a capacity."""
    ends = np.linspace(steps / rows, steps, rows).astype(int)
    c = 0.5 + 24.5 * ends / steps
    kl = {f"kl_{k}": np.where(c >= onsets[name], 1.0, 0.01) for k, name in enumerate(FACTORS)}
    return pd.DataFrame({"step": ends, "kl": c, "c": c, **kl})


ORDER = {"position_x": 1.0, "position_y": 1.4, "scale": 6.0, "shape": 10.0, "orientation": 15.0}
SWAPPED = ORDER | {"scale": 10.0, "shape": 6.0}


def channels(passing, seeds=10, channel="learnt", **values):
    return Study("dsprites").model(
        "factor_channel",
        seeds,
        channel=channel,
        gamma=100.0,
        capacity=25.0,
        kl=(1.0,) * 5,
        curve=lambda seed: channel_history(ORDER if seed < passing else SWAPPED, **values),
    )


def followed(off, steps=100_000):
    """Return a history that is off by 2 nats in a share of its windows of 1,000 steps."""
    ends = np.arange(1_000, steps + 1, 1_000)
    c = 25 * ends / steps
    late = ends > 5_000
    away = late & (np.cumsum(late) <= round(off * late.sum()))
    # Whatever happens before step 5,000 does not count.
    return pd.DataFrame({"step": ends, "c": c, "kl": c + 2.0 * away + 5.0 * ~late})


# Reconstruction without a code, and what each nat of a code buys.
PLATEAU, WORTH = 420.0, 10.0


def tracked(passing, dataset="dsprites", seeds=10, noise=(), **shared):
    """Return capacity runs of which so many seeds follow C; those in `noise` encode nothing."""
    study = Study(dataset, **shared)

    def curve(seed, gamma):
        off = 0.04 if gamma == 1000 and seed < passing else 0.06
        rows = followed(off, study.shared["steps"])
        # While C is below 3 nats, whatever happens before step 5,000 is passed over.
        kl = np.where(rows["step"] <= 5_000, rows["c"], rows["kl"])
        worth = 0 if seed in noise else WORTH
        return rows.assign(kl=kl, reconstruction=PLATEAU - worth * kl)

    for gamma in (10.0, 1000.0):
        study.model(
            "capacity_vae",
            seeds,
            gamma=gamma,
            capacity=25.0,
            kl=(5.0,) * 5,
            reconstruction=lambda s: PLATEAU - (0 if s in noise else WORTH * 25),
            active_units=lambda s: 0 if s in noise else 5,
            curve=lambda s, gamma=gamma: curve(s, gamma),
        )
    return study


MIG = "mig_posterior_exclude_shape"


def sprites(mig, reconstruction, seeds=10, **shared):
    """Return dSprites runs whose differences from the fixed β are these, up to a small spread."""
    study = Study("dsprites", **shared)

    def near(value, size, step):
        return lambda seed: value + size * SPREAD[step * seed % 10]

    def score(values, m, r):
        # Fixed and annealed models vary in different ways: their differences vary too.
        step = 3 if "anneal_steps" in values else 1
        return {MIG: near(m, 0.01, step), "reconstruction": near(r, 0.2, step), **values}

    study.model("vae", seeds, **score({"beta": 1.0}, 0.1, 15))
    study.model("beta_vae", seeds, **score({"beta": 4.0}, 0.2, 30))
    study.model("beta_vae", seeds, **score({"beta": 16.0}, 0.2, 30))
    raised = {"gamma": 1000.0, "capacity": 25.0, "anneal_steps": 100_000}
    study.model("capacity_vae", seeds, **score(raised, 0.2 + mig, 30 + reconstruction))
    falling = {"beta_start": 16.0, "beta_end": 1.0, "anneal_steps": 50_000}
    study.model("annealed_beta_vae", seeds, **score(falling, 0.2 + mig, 30 + reconstruction))
    return study
