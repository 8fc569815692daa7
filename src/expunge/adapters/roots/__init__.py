"""The roots of the vault, and the register of key deaths."""
