"""The data map as values: stores, datasets, identities, purposes, artefacts; and how two maps differ."""
