"""Adoption: recordings in the clear are sealed into a vault, and erased where they lay."""
