"""What a map declares in place of a view."""

from __future__ import annotations

from collections.abc import Sequence


def view_mend(tables: Sequence[str]) -> str:
    """Return what to write where a dataset is a view over some tables, which the database names."""
    named = f": {', '.join(tables)}" if tables else ""
    return f"declare the tables under it in its place{named}; a view shows no more of a person once those are erased"
