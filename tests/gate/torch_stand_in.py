"""What of PyTorch the wrappers build on: two base classes. Everything else about them is real."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest


class Dataset:
    """The base of ``torch.utils.data.Dataset``, which does nothing."""


class IterableDataset(Dataset):
    """The base of ``torch.utils.data.IterableDataset``."""


@pytest.fixture
def torch(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """PyTorch's own where it is installed."""
    try:
        import torch.utils.data as data  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        data = ModuleType("torch.utils.data")
        data.Dataset, data.IterableDataset = Dataset, IterableDataset
        for name in ("torch", "torch.utils"):
            monkeypatch.setitem(sys.modules, name, ModuleType(name))
        monkeypatch.setitem(sys.modules, "torch.utils.data", data)
    return data
