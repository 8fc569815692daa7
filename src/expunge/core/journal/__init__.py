"""Everything that can happen, as events of the journal."""
