"""Synthetic capacity runs, for the tests of the capacity doctor."""

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd

from bench.analysis.doctor import diagnose
from bench.analysis.published import MODELS

VAE, BETA, POURED = ((*model.epochs[-1].latents,) for model in MODELS[:3])
STEPS = 20_000
# A data set without code at 420 nats, of which each nat of a good code gains 150, then ever less.
PLATEAU, SCALE, STEEP = 420.0, 2.5, 150.0


def distortion(rate):
    return PLATEAU - STEEP * SCALE * (1 - np.exp(-np.asarray(rate) / SCALE))


def history_of(kl, c):
    """Return a history of KL and C as functions of the share of training that is done."""
    done = np.arange(1, 201) / 200
    rate = np.broadcast_to(kl(done), done.shape)
    curve = distortion(rate)
    return pd.DataFrame({"step": done * STEPS, "kl": rate, "c": c(done), "reconstruction": curve})


def tables_of(runs):
    """Return tables of runs: name to (kind, γ, history, KL of the final latents, own columns)."""
    rows, histories, kl = [], [], []
    for name, (kind, gamma, history, latents, own) in runs.items():
        rows.append(
            {
                "run_id": name,
                "dataset": "ball",
                "dataset_options": "{}",
                "kind": kind,
                "seed": 0,
                "steps": STEPS,
                "beta": 1.0 if kind == "vae" else math.nan,
                "gamma": gamma,
                "anneal_steps": STEPS / 2,
                "precision": "float32",
                "n_latents": 10,
                "learning_rate": 5e-4,
                "label": name,
                "group_id": name,
                "kl": float(sum(latents)),
                "reconstruction": float(distortion(sum(latents))),
                **own,
            }
        )
        histories.append(history.assign(run_id=name))
        # The order of latents is chance: the doctor has to sort.
        kl += [(name, f"z{j}", value) for j, value in enumerate([*latents][::-1])]
    return SimpleNamespace(
        runs=pd.DataFrame(rows),
        history=pd.concat(histories, ignore_index=True),
        kl_per_dimension=pd.DataFrame(kl, columns=["run_id", "latent", "kl"]),
    )


def rise(capacity):
    return lambda done: capacity * np.minimum(2 * done, 1)


def plain_run(latents=VAE):
    return (
        "vae",
        math.nan,
        history_of(lambda done: 25 * done, lambda done: done * math.nan),
        latents,
        {},
    )


def diagnosed(kl, capacity=10.0, latents=(2.0,) * 5, gamma=1_000.0, plain=True, **own):
    runs = {"capacity": ("capacity_vae", gamma, history_of(kl, rise(capacity)), latents, own)}
    runs |= {"plain": plain_run()} if plain else {}
    (found,) = diagnose(tables_of(runs))
    return found


def unsettled(level=PLATEAU, **own):
    """Return a run of noise whose decoder has not settled while KL is below 0.1 nat."""
    rows = history_of(rise(6.0), rise(6.0))
    rows["reconstruction"] = level + 500 * np.exp(-rows["kl"] / 0.1)
    return ("capacity_vae", 1e3, rows, (1.0,) * 6, {"reconstruction": level, **own})
