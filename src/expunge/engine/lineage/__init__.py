"""Origins of data and artefacts, as pipelines and registries report them."""
