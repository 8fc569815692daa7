"""The ports of the vault: its root, its library, its epochs, and the register of key deaths."""
