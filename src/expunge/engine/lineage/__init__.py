"""What pipelines and registries say data and artefacts were made from."""
