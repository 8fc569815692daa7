"""Logins by OpenID Connect: people come in by an account that they have at a company already."""
