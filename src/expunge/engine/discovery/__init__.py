"""Look, after the map exists, at every store and beside it, for places that hold people and that no dataset declares."""
