"""The export of a person's data: names in the archive, manifests, the state of a request, and pages that open offline."""
