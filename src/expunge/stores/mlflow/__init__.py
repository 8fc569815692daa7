"""MLflow registries: a backend database and a folder of artifacts."""
