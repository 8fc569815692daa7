"""The keystore on local disk."""
