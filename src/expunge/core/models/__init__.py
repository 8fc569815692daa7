"""What was learnt from people's data: sealed manifests, membership checks, and what became of an artefact."""
