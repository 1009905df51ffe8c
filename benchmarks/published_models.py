"""Score the trained models of a repository: python -m benchmarks.published_models CLONE.

CLONE is a clone of https://github.com/YannDubs/disentangling-vae. Nothing is downloaded here, and
of the weights nothing but scores is written. Prints the text of
bench/analysis/data/published_models.csv.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from bench import score
from bench.grid.specs import Evaluation
from bench.grid.streams import evaluation_indices, generator
from bench.training.objectives import gaussian_kl, negative_log_likelihood
from datasets import FactorDataset, load

from .textbook import Textbook

SOURCE = "https://github.com/YannDubs/disentangling-vae"
COMMIT = "f0452191bab6d94eba0b4e6a065f74dcfd54ac52"
MODELS = {
    "VAE": "VAE_dsprites",
    "β-VAE β=4": "betaH_dsprites",
    "capacity γ=100 C=25": "betaB_dsprites",
    "β-TCVAE β=6.4": "btcvae_dsprites",
    "FactorVAE γ=6.4": "factor_dsprites",
}
N_LATENTS = 10
# Scored on so many images, drawn with this seed.
N_IMAGES, SEED = 100_000, 0
# Reconstruction and KL: so many images, one sample of the code each.
N_RECONSTRUCTED = 20_000
BATCH = 500
METRICS = (
    "active_units",
    "beta_vae_score",
    "factor_vae_score",
    "mig",
    "sap_score",
    "modularity",
    "infomec",
)
# Their layers by name, in the order in which they are passed.
ENCODER = ("conv1", "conv2", "conv3", "conv_64", "lin1", "lin2", "mu_logvar_gen")
DECODER = ("lin1", "lin2", "lin3", "convT_64", "convT1", "convT2", "convT3")


class PublishedVAE:
    """A published model: images to codes, codes to logits."""

    def __init__(self, weights: Path) -> None:
        state = torch.load(weights, map_location="cpu", weights_only=True)
        model = Textbook()
        self.encoder, self.decoder = model.encoder.eval(), model.decoder.eval()
        fill(self.encoder, state, "encoder", ENCODER)
        fill(self.decoder, state, "decoder", DECODER)

    @torch.inference_mode()
    def encode(self, images: np.ndarray) -> tuple[Tensor, Tensor]:
        """Return means and log-variances, (n, 10) each, of (n, 1, 64, 64) bytes."""
        # Their last layer gives the mean and the log-variance of each latent in turn.
        head = self.encoder(torch.from_numpy(images) / 255.0).view(-1, N_LATENTS, 2)
        return head[..., 0], head[..., 1]


def fill(layers: nn.Sequential, state: dict[str, Tensor], part: str, names: Iterable[str]) -> None:
    """Give each layer that has weights those of the published layer in its place."""
    weighted = [layer for layer in layers if [*layer.parameters()]]
    for layer, name in zip(weighted, names, strict=True):
        own = {key: state.pop(f"{part}.{name}.{key}") for key in ("weight", "bias")}
        layer.load_state_dict(own)
    left = [name for name in state if name.startswith(f"{part}.")]
    if left:
        raise ValueError(f"weights that no layer has: {', '.join(left)}")


@torch.inference_mode()
def terms(vae: PublishedVAE, data: FactorDataset) -> dict[str, float]:
    """Return the mean reconstruction term and KL in nats per image."""
    indices = evaluation_indices(Evaluation(images=N_RECONSTRUCTED, seed=SEED), len(data))
    noise = generator(SEED, "reconstruction").standard_normal((N_RECONSTRUCTED, N_LATENTS))
    reconstruction, kl = [], []
    for start in range(0, N_RECONSTRUCTED, BATCH):
        images = data.images(indices[start : start + BATCH])
        means, logvars = vae.encode(images)
        z = means + (0.5 * logvars).exp() * torch.from_numpy(noise[start : start + BATCH]).float()
        pixels = torch.from_numpy(images) / 255.0
        reconstruction.append(negative_log_likelihood(vae.decoder(z), pixels, "bernoulli"))
        kl.append(gaussian_kl(means, logvars).sum(-1))
    return {
        "reconstruction": float(torch.cat(reconstruction).mean()),
        "kl": float(torch.cat(kl).mean()),
    }


def training(folder: Path) -> dict[str, object]:
    """Return how long a model was trained, and the means of its last epoch."""
    specs = json.loads((folder / "specs.json").read_text(encoding="utf-8"))
    log = pd.read_csv(folder / "train_losses.log").set_index(["Epoch", "Loss"])["Value"]
    last = log.loc[specs["epochs"] - 1]
    return {
        "steps": specs["epochs"] * (737_280 // specs["batch_size"]),
        "batch_size": specs["batch_size"],
        "learning_rate": specs["lr"],
        "seed": specs["seed"],
        "reconstruction_in_training": last["recon_loss"],
        "kl_in_training": last["kl_loss"],
    }


def row(name: str, folder: Path, data: FactorDataset) -> dict[str, object]:
    """Return the row of a model."""
    weights = folder / "model.pt"
    vae = PublishedVAE(weights)
    found = score(
        vae.encode,
        data,
        name=name,
        metrics=METRICS,
        evaluation=N_IMAGES,
        seed=SEED,
        batch_size=BATCH,
    )
    return {
        "model": name,
        "file": f"results/{folder.name}/model.pt",
        "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        **training(folder),
        **terms(vae, data),
        # A number for each latent is no column.
        **found.scores.set_index("metric")["value"].drop("kl_per_dimension"),
    }


def table(rows: list[dict[str, object]]) -> str:
    """Return the text of the file: how the scores were made, then a row for each model."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "numpy", "scikit-learn"))
    return (
        f"# The models of {SOURCE}\n"
        f"# (commit {COMMIT}, MIT License) that were trained on\n"
        "# dSprites, scored by this suite. Made by benchmarks/published_models.py.\n"
        f"# Scores: {N_IMAGES:,} of the drawn images, seed {SEED}. Reconstruction and KL, in nats\n"
        f"# per image: {N_RECONSTRUCTED:,} images, one sample of the code each. In training: the\n"
        "# means of the last epoch by train_losses.log.\n"
        f"# Versions: {versions}.\n"
    ) + pd.DataFrame(rows).to_csv(index=False, float_format="%.6g")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clone", type=Path, help="a clone of YannDubs/disentangling-vae")
    results = parser.parse_args().clone / "results"
    data = load("dsprites", source="render")
    rows = []
    for name, folder in MODELS.items():
        rows.append(row(name, results / folder, data))
        print(f"{len(rows)} of {len(MODELS)}: {name}", file=sys.stderr)
    print(table(rows), end="")


if __name__ == "__main__":
    main()
