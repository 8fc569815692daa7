"""The guard that models ask before they serve."""
