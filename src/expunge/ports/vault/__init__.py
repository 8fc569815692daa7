"""Ports of the vault: its root, and the register of key deaths."""
