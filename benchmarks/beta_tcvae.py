"""β-TCVAE's terms on a published model, beside its log: python -m benchmarks.beta_tcvae CLONE.

CLONE is a clone of https://github.com/YannDubs/disentangling-vae. Its trained β-TCVAE encodes
batches of 64 images; the terms are computed as that repository does, and as `bench.training` does.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from bench.training.beta_tcvae import estimates, log_densities
from bench.training.objective import Terms
from bench.training.objectives import gaussian_kl
from datasets import load

from .published_models import MODELS, N_LATENTS, PublishedVAE

BATCH, N_BATCHES = 64, 400


def log_weights(n_images: int) -> Tensor:
    """Return the log-weights of a batch's pairs, (B, B), as that repository sets them.

    Minibatch-stratified sampling has the weight 1 / N for an image itself. There it stands in the
    first column of the matrix, not in its diagonal.
    """
    others = BATCH - 1
    last = (n_images - others) / (n_images * others)
    weights = torch.full((BATCH, BATCH), 1 / others)
    weights[:, 0], weights[:, 1] = 1 / n_images, last
    weights[others - 1, 0] = last
    return weights.log()


def theirs(log_q: Tensor, z: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Return total correlation and dimension-wise KL of each image, (B,), with its weights.

    They are added to the density of every latent, (B, B, D), so those of all latents weigh ten
    times.
    """
    weighted = log_q + weights[:, :, None]
    log_joint = weighted.sum(2).logsumexp(1)
    log_marginals = weighted.logsumexp(1).sum(1)
    log_prior = -0.5 * (math.log(2 * math.pi) + z.square()).sum(1)
    return log_joint - log_marginals, log_marginals - log_prior


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clone", type=Path)
    folder = parser.parse_args().clone / "results" / MODELS["β-TCVAE β=6.4"]
    log = pd.read_csv(folder / "train_losses.log").set_index(["Epoch", "Loss"])["Value"]
    last = log.loc[log.index.get_level_values(0).max()]
    vae, data = PublishedVAE(folder / "model.pt"), load("dsprites")
    rng, noise = np.random.default_rng(0), torch.Generator().manual_seed(0)
    weights = log_weights(len(data))
    # Of ten latents nine more log-weights are in the marginals than in the joint density: plain
    # sums over the batch in ours, and 1 / (B - 1) for each latent of both in theirs.
    offset = (N_LATENTS - 1) * math.log(BATCH * len(data))
    rows = []
    for _ in range(N_BATCHES):
        means, logvars = vae.encode(data.images(rng.integers(len(data), size=BATCH)))
        z = means + (0.5 * logvars).exp() * torch.randn(means.shape, generator=noise)
        parts = (part[None] for part in (z, means, logvars))
        terms = Terms(torch.zeros(1), torch.zeros(1, N_LATENTS), *parts, len(data))
        correlation, dimension_wise = theirs(log_densities(terms)[0], z, weights)
        ours, _ = estimates(terms)
        kl = gaussian_kl(means, logvars).sum(1).mean()
        rows.append(
            [
                correlation.mean(),
                correlation[1:].mean(),
                ours[0] - offset,
                dimension_wise.mean(),
                kl,
            ]
        )
    found = np.array(rows, dtype=float)
    print("| | value | standard error | log, last epoch |")
    print("|---|---|---|---|")
    names = {
        "total correlation, theirs": "tc_loss",
        "total correlation, theirs, without the first image of a batch": None,
        "total correlation, ours": None,
        "dimension-wise KL, theirs": "dw_kl_loss",
        "KL": "kl_loss",
    }
    for name, column, logged in zip(names, found.T, names.values(), strict=True):
        error = column.std(ddof=1) / math.sqrt(len(column))
        said = f"{last[logged]:.2f}" if logged else ""
        print(f"| {name} | {column.mean():.2f} | {error:.2f} | {said} |")


if __name__ == "__main__":
    main()
