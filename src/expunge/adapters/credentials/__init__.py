"""Authenticators: passkeys by the library ``fido2``, codes by time by ``cryptography``."""
