"""The independent scan: take traces of real content and search raw bytes for them. No eraser imports it and it imports no eraser."""

from __future__ import annotations

from expunge.residue.matching.session import Limits
from expunge.residue.scanning.scanner import ResidueScanner, scan

__all__ = ["Limits", "ResidueScanner", "scan"]
