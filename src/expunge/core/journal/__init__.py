"""The events of the journal."""
