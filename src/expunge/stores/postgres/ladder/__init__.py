"""The ladder that makes deletions in PostgreSQL physical, rung by rung."""
