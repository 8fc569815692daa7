"""The measure of renditions, as tests of them name it."""

from __future__ import annotations

from expunge.testing.desk.detail import detail_left, pixelated

__all__ = ["detail_left", "pixelated"]
