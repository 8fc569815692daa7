"""The signed snapshot that pipelines ask."""
