"""Artefacts learnt from people's data: sealed manifests, membership checks, and the outcome of each artefact."""
