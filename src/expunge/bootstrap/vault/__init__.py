"""The vaults of an installation: their keys, and the service through which recordings come in and are read."""
