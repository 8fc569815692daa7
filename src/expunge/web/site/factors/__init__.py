"""Ways in and sensitive asks of customers, at the keeper: passkeys, code apps, another address, the end of an account."""
