"""The network that is sharded: two convolutions over time, 33,474 parameters for two classes."""

from __future__ import annotations

import torch
from torch import nn

MIDDLE, SPREAD = 150.0, 30.0
"""Of log-mel steps. Public constants: nobody's data scales anybody else's."""


class Scaled(nn.Module):
    """Steps as numbers about zero."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The same shape."""
        return (x - MIDDLE) / SPREAD


def build(shape: tuple[int, ...], classes: int) -> nn.Module:
    """For rows of ``shape``, (bands, steps)."""
    return nn.Sequential(
        Scaled(),
        nn.Conv1d(shape[0], 64, 5),
        nn.ReLU(),
        nn.MaxPool1d(2),
        nn.Conv1d(64, 64, 5),
        nn.ReLU(),
        nn.AdaptiveAvgPool1d(1),
        nn.Flatten(),
        nn.Linear(64, classes),
    )
