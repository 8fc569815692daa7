"""The independent scan: take traces of real content and search raw bytes for them. No eraser imports it and it imports no eraser.

The names here are looked up when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from expunge.residue.matching.session import Limits
    from expunge.residue.scanning.scanner import ResidueScanner, scan

__all__ = ["Limits", "ResidueScanner", "scan"]
_WHERE = {"Limits": "matching.session", "ResidueScanner": "scanning.scanner", "scan": "scanning.scanner"}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
