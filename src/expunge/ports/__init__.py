"""The ports: the contracts between the engine and stores, services and state. Each covers durability, idempotency, retries and errors."""
