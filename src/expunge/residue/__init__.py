"""The other eyes: takes traces of real content and looks for them in raw bytes. No eraser imports it and it imports no eraser."""

from __future__ import annotations

from expunge.residue.scanner import ResidueScanner, scan
from expunge.residue.session import Limits

__all__ = ["Limits", "ResidueScanner", "scan"]
