"""For tests of accounts: the conformance suite of their register, and an authenticator in memory."""
