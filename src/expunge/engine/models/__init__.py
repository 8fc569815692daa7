"""Commands that remake artefacts, what they report, and reviews of it."""
