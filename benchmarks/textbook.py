"""The usual way to write this model in PyTorch: the other side of the comparisons."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Textbook:
    """A β-VAE of nn.Sequential with Adam, eager, a method call a step."""

    def __init__(self, device: str = "cpu") -> None:
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 32, 4, 2, 1), nn.ReLU(),
            nn.Conv2d(32, 32, 4, 2, 1), nn.ReLU(),
            nn.Conv2d(32, 32, 4, 2, 1), nn.ReLU(),
            nn.Conv2d(32, 32, 4, 2, 1), nn.ReLU(),
            nn.Flatten(),
            nn.Linear(512, 256), nn.ReLU(),
            nn.Linear(256, 256), nn.ReLU(),
            nn.Linear(256, 20),
        ).to(device)  # fmt: skip
        self.decoder = nn.Sequential(
            nn.Linear(10, 256), nn.ReLU(),
            nn.Linear(256, 256), nn.ReLU(),
            nn.Linear(256, 512), nn.ReLU(),
            nn.Unflatten(1, (32, 4, 4)),
            nn.ConvTranspose2d(32, 32, 4, 2, 1), nn.ReLU(),
            nn.ConvTranspose2d(32, 32, 4, 2, 1), nn.ReLU(),
            nn.ConvTranspose2d(32, 32, 4, 2, 1), nn.ReLU(),
            nn.ConvTranspose2d(32, 1, 4, 2, 1),
        ).to(device)  # fmt: skip
        weights = [*self.encoder.parameters(), *self.decoder.parameters()]
        self.optimiser = torch.optim.Adam(weights, lr=5e-4)

    def step(self, x: Tensor) -> Tensor:
        """Take a step at β = 4 on a batch of images; return the reconstruction term."""
        mean, logvar = self.encoder(x).chunk(2, dim=-1)
        z = mean + (0.5 * logvar).exp() * torch.randn_like(mean)
        bce = F.binary_cross_entropy_with_logits(self.decoder(z), x, reduction="sum") / len(x)
        kl = 0.5 * (mean.square() + logvar.exp() - 1 - logvar).sum() / len(x)
        self.optimiser.zero_grad()
        (bce + 4 * kl).backward()
        self.optimiser.step()
        return bce
