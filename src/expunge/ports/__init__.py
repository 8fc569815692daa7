"""What the inside asks of the outside. Each docstring is a contract about durability, idempotency, retries and errors."""
