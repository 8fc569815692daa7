"""Django's backend for SQLite, which closes a connection that could not be set up; named as ``ENGINE`` of a state database."""
