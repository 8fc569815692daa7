"""The database's catalogue: tables, references, triggers, views."""
