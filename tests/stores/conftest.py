"""What lies here and is collected elsewhere."""

from __future__ import annotations

# A package of its own: test_toy_store.py runs its tests where it is installed.
collect_ignore = ["toystore"]
