"""Commands about the estate: installation, data map, lineage, models."""
