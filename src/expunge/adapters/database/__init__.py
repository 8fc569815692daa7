"""State in a database, through Django's ORM: journal, document store, outbox, leases, queue."""
