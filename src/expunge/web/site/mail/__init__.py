"""Mail to people: pages put it into an outbox in the accounts' database, and a thread of the web process sends it."""
