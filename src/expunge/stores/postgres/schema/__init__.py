"""What the database's catalogue says: tables, references, triggers, views."""
