"""Ensembles of shards: forgetting retrains the shards that had the record."""
