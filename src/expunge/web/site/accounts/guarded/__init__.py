"""Pages of customers that ask the keeper: sensitive asks, passkeys and code apps, another address, the end of an account."""
