"""Networks as others write them."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import nn


def restless(shape: tuple[int, ...], classes: int) -> nn.Module:
    """Everything that draws or remembers: dropout, batch statistics, numbers of other libraries; one output too many."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(int(np.prod(shape)), 8), nn.BatchNorm1d(8), Noise(), nn.Dropout(0.3), nn.Linear(8, classes + 1)
    )


class Noise(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + float(np.random.rand()) * 0.1 if self.training else x


def convolutional(shape: tuple[int, ...], classes: int) -> nn.Module:
    return nn.Sequential(nn.Conv1d(shape[0], 4, 3), nn.ReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(4, classes))


class Counted(nn.Linear):
    taught = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training:
            Counted.taught += len(x)
        return super().forward(x)


def words(shape: tuple[int, ...], classes: int) -> nn.Module:
    """Embedded tokens."""
    return nn.Sequential(nn.Embedding(20, 4), nn.Flatten(), nn.Linear(4 * shape[0], classes))


class Watched(nn.Linear):
    """Notes under what it is taught."""

    seen: ClassVar[set[tuple[int, bool]]] = set()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """As its base."""
        if self.training:
            Watched.seen.add((torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()))
        return super().forward(x)


def minded(shape: tuple[int, ...], classes: int) -> nn.Module:
    """Tells -0.0 from 0.0, as dividing does."""
    return nn.Sequential(Signs(), nn.Linear(shape[0], classes))


class Signs(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.copysign(torch.ones_like(x), x)
